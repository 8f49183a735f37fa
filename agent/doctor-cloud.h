/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor-cloud: the doctor's checks of the way to the cloud: credentials, broker, cloud. Pure, as all of it. */
#pragma once

struct doctor_facts;
struct sheet;

void doctor_look_at_cloud(struct sheet *sheet, const struct doctor_facts *facts);
