# SPDX-License-Identifier: GPL-2.0-or-later
# gangwayctl: one file a verb, and what the verbs share.
bin_PROGRAMS += tools/ctl/gangwayctl

tools_ctl_gangwayctl_SOURCES = \
	tools/ctl/args.c tools/ctl/args.h \
	tools/ctl/bus.c tools/ctl/bus.h \
	tools/ctl/code.c tools/ctl/code.h \
	tools/ctl/crl-file.c tools/ctl/crl-file.h \
	tools/ctl/ctl.h \
	tools/ctl/configuration.c tools/ctl/configuration.h \
	tools/ctl/doctor.c tools/ctl/doctor.h \
	tools/ctl/doctor-bus.c \
	tools/ctl/doctor-credentials.c \
	tools/ctl/doctor-outside.c \
	tools/ctl/doctor-units.c \
	tools/ctl/draw.c tools/ctl/draw.h \
	tools/ctl/file.c tools/ctl/file.h \
	tools/ctl/main.c \
	tools/ctl/pick.c tools/ctl/pick.h \
	tools/ctl/picture.c tools/ctl/picture.h \
	tools/ctl/picture-jpeg.c tools/ctl/picture-png.c \
	tools/ctl/prompt.c tools/ctl/prompt.h \
	tools/ctl/scan.c tools/ctl/scan.h \
	tools/ctl/source.c tools/ctl/source.h \
	tools/ctl/table.c tools/ctl/table.h \
	tools/ctl/values.c tools/ctl/values.h \
	tools/ctl/verb-audit.c \
	tools/ctl/verb-claim.c \
	tools/ctl/verb-config.c \
	tools/ctl/verb-config-check.c \
	tools/ctl/verb-devices.c \
	tools/ctl/verb-doctor.c \
	tools/ctl/verb-factory-reset.c \
	tools/ctl/verb-jobs.c \
	tools/ctl/verb-monitor.c \
	tools/ctl/verb-operate.c \
	tools/ctl/verb-qr-make.c \
	tools/ctl/verb-qr-show.c \
	tools/ctl/verb-show.c \
	tools/ctl/verb-status.c \
	tools/ctl/verb-withdraw.c \
	tools/ctl/when.c tools/ctl/when.h
CTL_CFLAGS = -DSBINDIR='"$(sbindir)"' $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) $(QRENCODE_CFLAGS) $(ZBAR_CFLAGS) $(PNG_CFLAGS) \
	$(JPEG_CFLAGS)
tools_ctl_gangwayctl_CFLAGS = $(AM_CFLAGS) $(CTL_CFLAGS)
tools_ctl_gangwayctl_LDADD = $(GANGWAY_LIBS) $(JANSSON_LIBS) $(QRENCODE_LIBS) $(ZBAR_LIBS) \
	$(PNG_LIBS) $(JPEG_LIBS)

EXTRA_DIST += tools/ctl/README
