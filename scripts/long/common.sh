# What the parts of the long run share; sourced from the project's folder.

folder=$PWD/build-long
logs=()

read_folder() {
    local name=$1
    shift
    case ${1-} in
    --build) folder=$(realpath -m "${2:?--build wants a folder}") ;;
    -h | --help)
        sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    ?*)
        echo "$name: no argument '$1' is known" >&2
        exit 2
        ;;
    esac
}

# compile NAME ["OPTION..."]
compile() {
    local build=$folder/$1 log=$folder/$1.log
    echo "== $1 build"
    mkdir -p "$folder"
    if [ ! -f "$build/build.ninja" ]; then
        # shellcheck disable=SC2086  # several options
        meson setup "$build" ${2-} >"$log" 2>&1 || { cat "$log"; return 1; }
    fi
    ninja -C "$build" >"$log" 2>&1 || { tail -n 60 "$log"; return 1; }
}

# run_tests NAME TEST...
run_tests() {
    local name=$1
    shift
    rm -f "$folder/$name/meson-logs/testlog.json"
    # What failed is counted and told at the end, with its output. One at a time: times count.
    meson test -C "$folder/$name" --no-rebuild --num-processes 1 --timeout-multiplier 10 "$@" || true
    logs+=("$name=$folder/$name/meson-logs/testlog.json")
}

finish() {
    exec /usr/bin/env python3 scripts/python/count_tests.py "${logs[@]}"
}
