# SPDX-License-Identifier: GPL-2.0-or-later
"""The broker's configuration: the one that gangway-cloud wrote, and what only this machine can know."""

CONFIG = """\
include_dir {cloud_broker}
persistence true
persistence_location {data}/
log_dest stderr
user root
"""


def write_config(path, cloud_broker, data):
    """cloud_broker: the folder that gangway-cloud made for the broker; data: the broker's own."""
    data.mkdir()
    path.write_text(CONFIG.format(cloud_broker=cloud_broker, data=data))
