#!/usr/bin/env bash
# The demo, step by step: a first run, new and corrected data, a second run that does only what is needed, a third
# that has nothing to do. Set BIN to the folder of `python` and `sqlpipe`; without it they are looked up on the path.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -z "${BIN:-}" ] || PATH="$PWD/$BIN:$PATH"

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi

title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
tell() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; }
step() { tell "$@"; "$@"; }

# What the second run moves: a day that is corrected, and one that is still to come.
jetblue="select flight_date, flights, arrived, late, arr_delay from marts.daily_delays
    where carrier = 'B6' and flight_date in ('2013-07-15', '2013-12-31')"
mart() { tell "sqlpipe show --sql \"$jetblue\""; sqlpipe show --sql "$jetblue"; }

title "A clean start"
rm -rf landing flights.duckdb flights.duckdb.wal
[ -e profiles.yml ] || step cp profiles.yml.example profiles.yml

title "1. The source system delivers everything up to December 27"
step python demo/source.py land --through 2013-12-27

title "2. First run: everything is new"
step sqlpipe run
mart

title "3. Four more days arrive, one day is delivered again with a correction, the aircraft register changes"
step python demo/source.py land
step python demo/source.py change

title "4. Second run: only the new files are read, and only the days they touch are computed"
step sqlpipe run

title "   The corrected day has one more late flight, and December 31 is there"
mart

title "5. Third run: nothing to do"
step sqlpipe run

title "The airlines, ranked"
step sqlpipe show marts.carrier_ranking

title "The same as files for any web server"
step sqlpipe site site

title "What to try next"
cat <<'TRY'
  . .venv/bin/activate                         so that the shell finds sqlpipe
  sqlpipe plan                                 what a run would do, and why
  sqlpipe lineage marts.delay_weather          what it reads
  sqlpipe show staging.flights --failed        flights whose aircraft nobody registered
  sqlpipe show --sql "select * from marts.routes order by on_time_share limit 10"
  Misspell a column in models/marts/routes.sql, then `sqlpipe check`.
TRY

title "Look at it"
cat <<LOOK
  . .venv/bin/activate && sqlpipe ui           then open http://127.0.0.1:8714/
  without a server                             open file://$PWD/site/index.html
LOOK
