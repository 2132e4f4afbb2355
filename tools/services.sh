#!/usr/bin/env bash
# What the tests marked `services` need, into the machine and the active Python environment: a real Slurm (Debian's packages, as root), a real Ray,
# the Kubernetes client and kubernetes-validate (PyPI). What cannot be had is said loudly, and its tests skip. Half a minute on a machine that has none.
set -uo pipefail
log=$(mktemp)
skipped() { printf '\n!! NOT TESTED HERE: %s\n' "$*" >&2; tail -n 5 "$log" >&2; }
if command -v slurmctld >/dev/null && command -v munged >/dev/null; then
  echo "Slurm: $(slurmctld -V)"
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm slurm-wlm-basic-plugins munge; } </dev/null >"$log" 2>&1 \
    && echo "Slurm: $(slurmctld -V)" || skipped "Slurm: apt-get could not install slurm-wlm and munge"
else
  skipped "Slurm: not installed, and this is no Debian as root"
fi
for package in "ray>=2.40,<3" "kubernetes>=31" "kubernetes-validate>=1.33"; do
  python -m pip install -q --disable-pip-version-check "$package" </dev/null >"$log" 2>&1 || skipped "$package: pip could not install it"
done
python -m pip list --disable-pip-version-check 2>/dev/null | grep -iE '^(ray|kubernetes|kubernetes-validate) ' || true
rm -f "$log"
