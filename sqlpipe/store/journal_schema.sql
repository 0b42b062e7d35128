-- 1
create table meta (name text primary key, value bigint not null);
insert into meta values ('format', 1), ('touched', 0), ('attempt', 0), ('seq', 0);

create table run (
    id text primary key,
    state text not null,
    created bigint not null,
    changed bigint not null,
    pipeline text not null,
    cause text not null,
    selects text not null,
    excludes text not null,
    options text not null,
    start_at bigint,
    end_at bigint,
    deadline bigint,
    parent text not null,
    owner text not null,
    started bigint,
    finished bigint,
    counts text not null,
    reason text not null,
    told bigint not null default 0
);
create index run_by_age on run (created, id);
create index run_by_pipeline on run (pipeline, created, id);
create index run_by_parent on run (parent) where parent <> '';
create index run_unfinished on run (state) where state in ('queued', 'running', 'cancelling');
create index run_untold on run (finished) where told <> 1;

create table node (
    run text not null,
    node text not null,
    item bigint not null,
    kind text not null,
    state text not null,
    since bigint not null,
    until bigint,
    tries text not null,
    facts text not null,
    waited text not null,
    action text not null,
    detail text not null,
    rows bigint,
    seconds double precision not null,
    primary key (run, node, item)
);
create index node_by_name on node (node, since);
create index node_failed on node (run) where state = 'failed';

create table attempt (
    id bigint primary key,
    run text not null,
    node text not null,
    item bigint not null,
    number bigint not null,
    state text not null,
    owner text not null,
    started bigint not null,
    pool text not null,
    slots bigint not null,
    finished bigint,
    mishap text,
    message text not null,
    rows bigint,
    seconds double precision not null,
    log text not null,
    process text not null
);
create unique index attempt_running on attempt (node, item) where state = 'running';
create index attempt_by_run on attempt (run, id);
create index attempt_by_node on attempt (node, id);

create table owner (
    id text primary key,
    host text not null,
    pid bigint not null,
    born bigint not null,
    seen bigint not null,
    command text not null
);

create table lease (
    name text primary key,
    holder text not null,
    epoch bigint not null,
    expires bigint not null,
    host text not null,
    pid bigint not null,
    ousted text not null,
    ousted_at bigint
);

create table pipeline (
    name text primary key,
    digest text not null,
    seen bigint not null,
    paused_at bigint,
    paused_by text not null,
    seq bigint not null,
    gone_at bigint
);

create table tick (
    pipeline text not null,
    at bigint not null,
    start_at bigint not null,
    end_at bigint not null,
    digest text not null,
    state text not null,
    reason text not null,
    run text not null,
    told bigint not null default 0,
    primary key (pipeline, at)
);
create index tick_by_age on tick (at);
create index tick_by_run on tick (run) where run <> '';
create index tick_open on tick (pipeline) where state = 'open';
create index tick_untold on tick (pipeline, at) where told = 0 and state in ('skipped', 'expired');

create table happening (
    kind text not null,
    subject text not null,
    version text not null,
    at bigint not null,
    facts text not null,
    seq bigint unique
);
create unique index happening_of_version on happening (kind, subject, version) where version <> '';
create unique index happening_of_time on happening (kind, subject, at) where version = '';
create index happening_by_subject on happening (subject, seq);
create index happening_unnumbered on happening (at) where seq is null;

create table message (
    id bigint primary key,
    rule text not null,
    subject text not null,
    episode text not null,
    title text not null,
    text text not null,
    created bigint not null,
    tries bigint not null,
    due bigint not null,
    sent bigint,
    problem text not null,
    over bigint not null default 0,
    unique (rule, subject, episode)
);
create index message_unsent on message (due) where sent is null;
create index message_open on message (rule, subject) where over = 0;

create table delivery (
    message bigint not null,
    channel text not null,
    at bigint not null,
    primary key (message, channel)
);

create table deed (
    at bigint not null,
    who text not null,
    what text not null,
    subject text not null,
    detail text not null,
    primary key (at, who, what, subject)
);
