CREATE TABLE outbox (
number INTEGER NOT NULL,
"key" VARCHAR NOT NULL,
topic VARCHAR NOT NULL,
payload JSON NOT NULL,
retain BOOLEAN NOT NULL,
queued_ns BIGINT NOT NULL,
delivered_ns BIGINT,
unproven_ns BIGINT,
PRIMARY KEY (number),
UNIQUE ("key")
);
CREATE INDEX ix_outbox_delivered_ns ON outbox (delivered_ns);
CREATE TABLE open_episodes (
event_id VARCHAR NOT NULL,
subject_id VARCHAR NOT NULL,
record JSON NOT NULL,
PRIMARY KEY (event_id)
);
CREATE INDEX ix_open_episodes_subject_id ON open_episodes (subject_id);
CREATE TABLE alarms (
alarm_id VARCHAR NOT NULL,
subject_id VARCHAR NOT NULL,
is_over BOOLEAN NOT NULL,
raised_ns BIGINT NOT NULL,
record JSON NOT NULL,
PRIMARY KEY (alarm_id)
);
CREATE INDEX ix_alarms_subject_id ON alarms (subject_id);
CREATE INDEX ix_alarms_is_over ON alarms (is_over);
CREATE TABLE notices (
number INTEGER NOT NULL,
"key" VARCHAR NOT NULL,
target VARCHAR NOT NULL,
alarm_id VARCHAR NOT NULL,
title VARCHAR NOT NULL,
body VARCHAR NOT NULL,
is_taken BOOLEAN NOT NULL,
PRIMARY KEY (number),
UNIQUE ("key")
);
CREATE INDEX ix_notices_alarm_id ON notices (alarm_id);
CREATE INDEX ix_notices_target ON notices (target);
CREATE TABLE notes (
name VARCHAR NOT NULL,
content JSON NOT NULL,
PRIMARY KEY (name)
);
