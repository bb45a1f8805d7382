#!/bin/sh
# Made by opp-analytics schedule
#   opp-schedule.sh record   each day: record, send alerts that began or ended, and a page that could not be made or sent
#   opp-schedule.sh report   each Monday: the page
#   opp-schedule.sh loop     both at their times, in the foreground
# Exit codes: 0 done, 3 done and an alert of the org file holds, else that of what failed, which is printed. A page of an
# earlier day that fails once more is printed, and changes no code: the day's record and alerts are done.
set -u
folder=@folder@
secrets=@secrets@ # lines such as NAME='value'; nothing in it is run
needs=@needs@
pages=@pages@
zone=@zone@
sends=@sends@

program() { @program@ "$@"; }
record() { run record @record@; }
alerts() { @alerts@; }
report() { run "page of $day" @report@ "$@"; }

fail() {
    echo "opp-schedule.sh: $*" >&2
    exit 1
}

read_secrets() {
    number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        line=${line%"$(printf '\r')"}
        line=${line#export }
        case $line in '' | '#'*) continue ;; esac
        name=${line%%=*}
        value=${line#*=}
        case $line in *=*) ;; *) name= ;; esac
        case $name in '' | [0-9]* | *[!A-Za-z0-9_]*) fail "line $number of $secrets is not NAME='value'" ;; esac
        case $value in
        \'*\') value=${value#\'} value=${value%\'} ;;
        \"*\") value=${value#\"} value=${value%\"} ;;
        esac
        export "$name=$value"
    done <"$secrets"
}

check_secrets() {
    [ ! -r "$secrets" ] || read_secrets
    for name in $needs; do
        eval "[ -n \"\${$name-}\" ]" || fail "$name is not set: $secrets cannot be read or lacks it, and so does the environment"
    done
}

# One run at a time: a later one waits up to an hour. A lock of flock ends with its process.
take_lock() {
    exec 9>>opp-schedule.lock
    waited=0
    until try_lock; do
        [ "$waited" -lt 3600 ] || fail "another run has not ended for an hour"
        waited=$((waited + 1))
        sleep 1
    done
}

try_lock() {
    if command -v flock >/dev/null; then
        flock -n 9
    elif ln -s "$$" opp-schedule.pid 2>/dev/null; then
        trap 'rm -f opp-schedule.pid' EXIT
    else
        kill -0 "$(readlink opp-schedule.pid)" 2>/dev/null || rm -f opp-schedule.pid
        false
    fi
}

# Run the program under a name, keep its words in the log, and print those that somebody must read.
run() {
    what=$1 code=0
    shift
    program "$@" >opp-schedule.now 2>&1 || code=$?
    {
        echo "$(date '+%Y-%m-%d %H:%M:%S %Z') $what: exit code $code"
        cat opp-schedule.now
    } >>opp-schedule.log
    case $code in
    0) ;;
    3)
        [ "$status" -ne 0 ] || status=3
        [ "$sends" = yes ] || cat opp-schedule.now
        ;;
    *)
        status=$code
        cat opp-schedule.now >&2
        ;;
    esac
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ]
}

# Make the page of today; where the ledger has a run for that of an earlier day, it was made but did not reach all: send it to the others.
make_page() {
    mkdir -p "$pages"
    day=$(TZ=$zone date +%Y-%m-%d) late= tries=0
    [ ! -f "$due" ] || read -r late tries <"$due" || :
    if [ -n "$late" ] && grep -qs "\"day\":\"$late\",\"files\":" "$pages/deliveries.jsonl"; then
        day=$late
        set -- --as-of "$day"
    fi
    tries=$((${tries:-0} + 1))
    echo "$day $tries" >"$due"
    if report "$@"; then
        rm -f "$due"
    elif [ "$tries" -gt 3 ]; then
        rm -f "$due"
        echo "The page of $day failed $tries times; the next one is that of Monday." >&2
        false
    else
        echo "The page of $day failed; it is tried again after the next record, $((4 - tries)) more." >&2
        false
    fi
}

run_once() {
    status=0 due=$pages/opp-schedule.due
    take_lock
    (umask 077 && touch opp-schedule.log opp-schedule.now)
    [ "$(wc -c <opp-schedule.log)" -lt 1000000 ] || mv opp-schedule.log opp-schedule.log.1
    if [ "$1" = report ]; then
        rm -f "$due"
        make_page
    elif record; then
        alerts
        before=$status
        [ ! -f "$due" ] || make_page || status=$before
    fi
    rm -f opp-schedule.now
    exit "$status"
}

run_forever() {
    trap 'exit 0' INT TERM
    done=
    while :; do
        day=$(TZ=$zone date +%Y-%m-%d)
        if [ "$day" != "$done" ] && [ "$(TZ=$zone date +%H%M)" -ge @time@ ]; then
            (run_once record)
            [ "$(TZ=$zone date +%u)" -ne 1 ] || (run_once report)
            done=$day
        fi
        sleep 30 &
        wait $!
    done
}

cd "$folder" || fail "the folder $folder is not there"
check_secrets
case ${1-} in
record | report) run_once "$1" ;;
loop) run_forever ;;
*) fail "say record, report or loop" ;;
esac
