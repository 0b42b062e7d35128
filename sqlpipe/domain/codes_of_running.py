"""The codes of orchestration: schedules, tasks, sensors, the journal and the scheduler."""

from __future__ import annotations

from sqlpipe.domain.code import Code

RUNNING = (
    Code(
        "SP601",
        "schedule that cannot be read",
        "The schedule of a pipeline is not one: a cron expression has five fields (minute, hour, day of the month, "
        "month, day of the week), with numbers, names, `*`, `a-b`, `*/n`, `a-b/n` and lists of these; or the time "
        "zone does not exist; or nothing, or more than one thing, says when the pipeline starts.",
        "schedule: 0 6 * * mon-sun *",
        "Mend the field under the caret. Write `every: 15m` for a steady rhythm and `on: raw.orders` to follow a "
        "table.",
    ),
    Code(
        "SP602",
        "unknown pipeline or pool",
        "A task or a command names a pipeline, or a node a pool, that sqlpipe.yml does not have.",
        "pool: apis   (sqlpipe.yml has pools: {api: 2})",
        "Take the name that the help line suggests, or add it under `pipelines:` or `pools:`.",
    ),
    Code(
        "SP610",
        "template that cannot be rendered",
        "A text of a task or sensor is rendered when it runs. A name in it is not there (the task before it may have "
        "left no such fact), an expression failed, or a value stands where it could only be code.",
        "bash: wc -l {{ facts.download.pth }}",
        "Take the name that the help line suggests, and look at the facts with `sqlpipe runs`. A value is put in as a "
        "value; write `| raw` behind it if it is meant to be a piece of the script or the SQL.",
    ),
    Code(
        "SP611",
        "not exactly one thing to do",
        "A task does one thing, and a sensor waits for one: its file has none of the keys that say what, or several.",
        "bash: python fetch.py\nsql: delete from raw.orders",
        "Leave one of them, and put the other into a file of its own with `after:`.",
    ),
    Code(
        "SP612",
        "function that cannot be called",
        "A task names a Python file or function that is not there, or arguments that the function does not take. The "
        "file is read, never imported, to find this out.",
        "python: fetch.py:mian",
        "Mend the name, or write the function at the top level of the file.",
    ),
    Code(
        "SP613",
        "facts of no task",
        "A template, or a parameter of a task's function, names a task whose facts it wants, and there is no such "
        "task.",
        "bash: wc -l {{ facts.dowload.path }}",
        "Take the name that the help line suggests; `sqlpipe list -s kind:task` shows them all.",
    ),
    Code(
        "SP614",
        "order that cannot be",
        "`after:` or `before:` names something that is not in the project, or the node itself; or a pipeline starts "
        "itself.",
        "after: [raw.ordrs]",
        "Take the name that the help line suggests, or leave the entry out.",
    ),
    Code(
        "SP615",
        "times that contradict each other",
        "The times of a sensor or of retries do not go together: a longest pause that is shorter than the first one, "
        "or a sensor that gives up before it could look a second time.",
        "sensor: {file: landing/orders.csv}\ninterval: 10m\ntimeout: 5m",
        "Change one of the two; the message names them.",
    ),
    Code(
        "SP616",
        "task that took too long",
        "A task, or a table, was not done within its `timeout` and was stopped, with all processes that it started.",
        "bash: sleep 3600\ntimeout: 10m",
        "Look in its log for what took so long; give it more time with `timeout:`, or have it tried again with "
        "`retries: {timeout: 1}`.",
    ),
    Code(
        "SP617",
        "run of a pipeline or project failed",
        "A task ran a pipeline or another project, and something in that run failed. What failed there "
        "left its tables as they were.",
        "run: {project: ../crm, pipeline: nightly}",
        "Mend what the notes name in the other project; `sqlpipe run -s +failed+` there takes up what failed.",
    ),
    Code(
        "SP618",
        "sensor that cannot look",
        "A sensor could not find out whether its time has come: a query failed, a folder cannot be read, a function "
        "raised, it took longer than `poke_timeout`, or a server did not answer, or not in a way that means yes or not "
        "yet (404, 409, 425, 429 and 503 mean not yet). It is tried again, but `max_errors` times in a row are a "
        "failure, whatever `on_timeout` says: a broken sensor is not a patient one.",
        "sensor: {sql: select ready form control.flags}",
        "Mend what the message names; give a slow look more time with `poke_timeout:`; list a status that is well "
        "under `status:`.",
    ),
    Code(
        "SP619",
        "sensor that waited in vain",
        "What a sensor waits for has not come about within its `timeout`, which counts from its first look.",
        "sensor: {file: landing/orders.csv}\ntimeout: 6h",
        "Find out why it is late; give it more time with `timeout:`, or let the others go on with `on_timeout: skip` "
        "or `continue`.",
    ),
    Code(
        "SP620",
        "journal of a newer version",
        "The journal says what ran. It was written by a newer sqlpipe, and this version does not touch what it does "
        "not "
        "understand.",
        "a colleague has upgraded, you have not",
        "Upgrade sqlpipe to at least the version that wrote it.",
    ),
    Code(
        "SP621",
        "journal that cannot be used",
        "The file of the journal cannot be opened or is damaged: it is no SQLite database, its folder may not be "
        "written, or the disk is full. The tables in the warehouse do not depend on it.",
        "the journal .sqlpipe/journal.sqlite cannot be used: file is not a database",
        "Mend the path or the disk. A damaged journal can be moved away: a new one is made, and only the story of "
        "earlier runs is lost.",
    ),
    Code(
        "SP622",
        "journal that cannot be reached",
        "The journal is kept in PostgreSQL, and its server did not answer, refused the user, or did not let it make "
        "its schema; or it is a file that another program keeps locked. A run that has begun waits for it.",
        "journal: postgresql://localhost:5433/ops   (nothing listens there)",
        "Start the server or mend the address; the user needs the right to create a schema in that database.",
    ),
    Code(
        "SP623",
        "unknown run",
        "A run is named by its id, by how that begins or ends, or as `last`. There is none such in the journal, or "
        "there are several.",
        "sqlpipe logs 2026 tasks.load   (there are many runs of that year)",
        "Take the id from `sqlpipe runs`; its last six characters are enough.",
    ),
    Code(
        "SP624",
        "run or node in the wrong state",
        "What was asked for cannot be done to a run or node as it is now: only what has not ended can be cancelled, "
        "only "
        "what has ended badly can be retried or marked, and a node has a log once it has begun.",
        "sqlpipe cancel last   (it has ended already)",
        "Look how it stands with `sqlpipe runs ID`.",
    ),
    Code(
        "SP625",
        "event that nobody waits for",
        "The event is not among those that start a pipeline: nothing would ever hear of it.",
        "sqlpipe event landd   (sqlpipe.yml has on: {events: landed})",
        "Take the name that the help line suggests, or add it under `on: {events: ...}` of a pipeline.",
    ),
    Code(
        "SP626",
        "run that was taken away",
        "Another process has ended this run or carries it on: for a while this one gave no sign, as when its machine "
        "slept, and was taken for dead. It stops, and writes nothing more.",
        "a laptop is closed during `sqlpipe run` and opened an hour later",
        "Look what has become of the run with `sqlpipe runs`, and run again what is missing.",
    ),
    Code(
        "SP627",
        "run that nobody would start",
        "A run was to be queued, and no scheduler is there to take it: this server does not schedule, and nobody else "
        "leads.",
        "POST /api/runs   (to `sqlpipe serve --no-scheduler`)",
        "Start a scheduler with `sqlpipe serve`, or carry the run out here with `sqlpipe run`.",
    ),
    Code(
        "SP630",
        "script failed",
        "The script of a task ended with an exit code other than 0, was killed, or could not be started: its folder or "
        "the shell is not there, or it is too long. It is run with "
        "`bash -euo pipefail`: the first command that fails ends it.",
        "bash: curl --fail https://example.com/orders.csv -o landing/orders.csv",
        "The notes are its last lines; its log is kept with the run. What may pass is tried again with `retries:`.",
    ),
    Code(
        "SP631",
        "facts that cannot be read",
        "A script writes its facts into the file that `$SQLPIPE_FACTS` names: lines `name=value`, or JSON objects. "
        "They are kept with the run and handed on to other tasks, so there may be no more than 64 KiB of them.",
        'echo "rows: 3" >> "$SQLPIPE_FACTS"',
        'Write `echo "rows=3" >> "$SQLPIPE_FACTS"`. Put rows into a file or a table and only its name into the facts.',
    ),
    Code(
        "SP632",
        "function failed",
        "The Python function of a task or sensor raised an error, its process died, or it returned something that is "
        "not JSON or too large. Errors in the code itself, such as TypeError and ImportError, are not tried again; an "
        "exception with the attribute `sqlpipe_permanent = True` is not either.",
        "def extract(day): return open(day).redlines()",
        "Mend the line under the caret; its traceback is in the log. Return a dictionary of texts and numbers.",
    ),
    Code(
        "SP633",
        "request failed",
        "An HTTP request got no answer, or one whose status is not well. No connection, 408, 425, 429 and 5xx may "
        "pass and are tried again with `retries:`; all others are not.",
        "http: https://api.example.com/refresh",
        "The message has the status and the note the beginning of the answer; list a status that is well under "
        "`status:`.",
    ),
    Code(
        "SP634",
        "SQL that no task can run",
        "The SQL of a task is run in one transaction. It holds no statement, is not closed somewhere, or begins and "
        "ends transactions by itself.",
        "sql: begin; delete from raw.orders; commit;",
        "Write the statements alone: all of them are committed together, or none.",
    ),
    Code(
        "SP635",
        "task that may have had its effect, or not",
        "The process that ran a task has died or was ended, and the task has `effects: unsafe`: nobody knows how far "
        "it came, and a second try could do harm. It is left to a person.",
        "bash: ./send_invoices.sh\neffects: unsafe",
        "Find out what has happened, then mark it as done or retry it. Make the task idempotent if you can: it is "
        "given a key in `$SQLPIPE_IDEMPOTENCY_KEY` that is the same for every try.",
    ),
    Code(
        "SP636",
        "node that was lost too often",
        "The process that ran a node has died again and again while it did so. Perhaps it is the node that ends it.",
        "a model takes more memory than there is",
        "Look for the cause, memory first; `retries: {lost: 5}` lets it be tried more often.",
    ),
    # The server.
    Code(
        "SP640",
        "server that everybody could read",
        "The server was to listen on an address that others in the network reach, and there is no token. Names of "
        "tables, logs and rows would be open to all of them.",
        "sqlpipe serve --host 0.0.0.0",
        "Give it a token with `SQLPIPE_TOKEN` or `--token-file`, or say that it is meant with `--public-read`.",
    ),
    Code(
        "SP641",
        "token that cannot be used",
        "The file of the token cannot be read or is empty, or the token is so short that it could be guessed.",
        "sqlpipe serve --token-file /run/secrets/nothing",
        'Make one with `python -c "import secrets; print(secrets.token_urlsafe(32))"`.',
    ),
    Code(
        "SP642",
        "address that cannot be listened on",
        "Another program, perhaps another `sqlpipe serve`, listens there already, the address is none of this machine, "
        "or the port is one for which special rights are needed.",
        "sqlpipe serve --port 80",
        "Take another port; `--port 0` takes any that is free.",
    ),
    Code(
        "SP643",
        "request that is not permitted",
        "A request to the server bears no token or a wrong one, was sent to a name that is none of the server, or "
        "comes "
        "from a page of somebody else.",
        "curl -X POST localhost:8713/api/pipelines/nightly/pause",
        "Send `Authorization: Bearer TOKEN`. Names under which the server is reached are given with `--allow-host`.",
    ),
    Code(
        "SP644",
        "request that is not understood",
        "A request to the server has a parameter that there is not, a value of the wrong type, or a body that is too "
        "large or no JSON.",
        "/api/runs?limt=5",
        "`/openapi.json` tells what each address takes.",
    ),
    Code(
        "SP645",
        "nothing at this address",
        "The server has nothing under the path that was asked for, or nothing that is asked for in this way.",
        "GET /api/run",
        "`/openapi.json` tells what there is.",
    ),
    Code(
        "SP646",
        "bug in the server",
        "The server met something that it was not made for. The traceback is on its stderr.",
        "GET /api/runs",
        "Please report it together with the traceback.",
    ),
)
