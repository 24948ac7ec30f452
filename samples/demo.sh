#!/bin/sh
# Process the samples in the folder DEMO, and print what to try next. Usage: demo.sh BIN DEMO
# A sample that is anywhere in DEMO already is not dropped again, so a second run adds nothing.
set -eu
bin=$1 demo=$2
samples=$(dirname "$0")

mkdir -p "$demo/inbox"
dropped=0
for sample in "$samples"/scenario-*.json; do
    if [ -z "$(find "$demo" -name "${sample##*/}")" ]; then
        cp "$sample" "$demo/inbox/"
        dropped=$((dropped + 1))
    fi
done

code=0
"$bin/scenariod" --config "$samples/demo.toml" --root "$demo" --once || code=$?
case $code in 0 | 3 | 25) ;; *) exit "$code" ;; esac
"$bin/scenariodctl" --root "$demo" report --now >/dev/null || true  # it has said what is wrong

echo
if [ "$dropped" -eq 0 ]; then
    echo "An earlier run has processed the samples. To start over: rm -r $demo"
else
    echo "Two of the samples are faulty on purpose."
fi
echo "Try next:"
echo "    $bin/scenariodctl --root $demo list"
echo "    $bin/scenariodctl --root $demo explain scenario-12-loudest-guest-incomplete.json"
echo "    $bin/scenariodctl --root $demo undo last"
echo "    $bin/scenariodctl --root $demo voices text night-train-003"
echo "    $bin/scenariodctl --root $demo play night-train-003"
echo "    $bin/scenariodctl --root $demo report --serve"
echo
if [ -e "$demo/reports/index.html" ]; then
    echo "The report on them: $demo/reports/index.html (open it in a browser)"
fi
echo "If their output names a command, put $bin/scenariodctl --root $demo in place of scenariodctl."
