/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a fuzz target over files instead of under libFuzzer: those named on the command line, else
 * all of the target's corpus, $top_srcdir/tests/fuzz/corpus/NAME for a program called fuzz-NAME. A
 * corpus that is missing, empty or unreadable is a failure: a replay of nothing proves nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *path, const char *why)
{
	(void)fprintf(stderr, "%s: %s\n", path, why);
	exit(EXIT_FAILURE);
}

/* Each input gets a heap block of just its size, so that a sanitizer sees the first byte too many. */
static void replay_file(int dir_fd, const char *path)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *data;

	if (fd < 0 || fstat(fd, &st) < 0)
		fail(path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size > INPUT_MAX)
		fail(path, "is no file, or too large to be an input");

	data = malloc((size_t)st.st_size);
	if (!data && st.st_size)
		fail(path, "no memory");
	if (read(fd, data, (size_t)st.st_size) != st.st_size)
		fail(path, "could not be read whole");
	(void)close(fd);

	(void)fprintf(stderr, "%s: %zu bytes\n", path, (size_t)st.st_size);
	(void)LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
}

static void replay_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	if (!dir)
		fail(path, strerror(errno));

	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		replay_file(dirfd(dir), entry->d_name);
		n++;
	}
	(void)closedir(dir);

	if (n == 0)
		fail(path, "has no input");
	(void)printf("%s: %zu inputs\n", path, n);
}

static void replay_corpus_of(const char *program)
{
	const char *top_srcdir = getenv("top_srcdir");
	const char *name = strrchr(program, '/');
	char path[4096];

	name = name ? name + 1 : program;
	if (strncmp(name, "fuzz-", 5) != 0)
		fail(program, "is not called fuzz-NAME, so which corpus is it?");
	(void)snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", top_srcdir ? top_srcdir : ".",
		       name + 5);
	replay_folder(path);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		replay_corpus_of(argv[0]);
	for (int i = 1; i < argc; i++)
		replay_file(AT_FDCWD, argv[i]);
	return EXIT_SUCCESS;
}
