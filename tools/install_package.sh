#!/usr/bin/env bash
# Installs packages of the distribution, as root or through sudo, or says exactly what to install.
set -eu

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install() {
  if command -v apt-get > /dev/null; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
  elif command -v dnf > /dev/null; then as_root dnf install -y -q "$@"
  elif command -v zypper > /dev/null; then as_root zypper --non-interactive install "$@"
  else return 1
  fi
}

echo "Installing $* with the distribution's package manager ..."
if [ "$(id -u)" != 0 ] && ! command -v sudo > /dev/null; then
  echo "That needs root or sudo. Please install: $*" >&2
  exit 1
fi
install "$@" > /dev/null || { echo "That failed. Please install: $*" >&2; exit 1; }
