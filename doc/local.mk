# SPDX-License-Identifier: GPL-2.0-or-later
EXTRA_DIST += \
	doc/architecture.md \
	doc/fuzzing.md \
	doc/journal.md \
	doc/performance.md \
	doc/plugin.md \
	doc/style.md \
	doc/threat-model.md \
	doc/protocol/device.md \
	doc/protocol/link.md \
	doc/protocol/cloud.md \
	doc/protocol/cloud/answer.schema.json \
	doc/protocol/cloud/command.schema.json \
	doc/protocol/cloud/common.schema.json \
	doc/protocol/cloud/event.schema.json \
	doc/protocol/cloud/request.schema.json \
	doc/protocol/cloud/response.schema.json \
	doc/protocol/cloud/status.schema.json \
	doc/protocol/label.md
