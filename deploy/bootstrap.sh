#!/usr/bin/env bash
# Prepares a fresh Debian 12/13 or Ubuntu 24.04 machine to run wardwatch.
#
# Needs only git, make and python3. It can run any number of times, and ends at once if
# nothing has changed. It installs into the folder .venv of this repository.
#
#   WARDWATCH_SYSTEM_PACKAGES=skip   do not install system packages (needed without apt)
#   WARDWATCH_INSTALL=runtime        install only what watches a ward: no simulator, no
#                                    training, no tests
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly constraints=deploy/constraints.txt
readonly stamp=.venv/bootstrap.stamp
readonly torch_version=2.13.0
readonly person_wheel=mediapipe==0.10.21
readonly torch_cpu_index=https://download.pytorch.org/whl/cpu

readonly install_kind=${WARDWATCH_INSTALL:-everything}

system_packages=(
    # Cameras: decoding and scaling, used from Python.
    gstreamer1.0-tools
    gstreamer1.0-plugins-base
    gstreamer1.0-plugins-good
    gstreamer1.0-plugins-bad
    gstreamer1.0-plugins-ugly
    gstreamer1.0-libav
    gir1.2-gstreamer-1.0
    gir1.2-gst-plugins-base-1.0
    # Cameras over TLS (rtsps://).
    glib-networking
    # Needed to compile PyGObject and pycairo, which come as source.
    libgirepository1.0-dev
    libcairo2-dev
    pkg-config
    gcc
    libc6-dev
    # The RTSP server and the MQTT broker of the benchmarks, the demo and the tests.
    gir1.2-gst-rtsp-server-1.0
    mosquitto
)
lab_packages=(
    # The tests check rules and routes with the real programs. If packages start their
    # services, these two then listen on ports 9090 and 9093.
    prometheus
    prometheus-alertmanager
    # The tests of the store start a server of their own.
    postgresql
    # Tests change the clock of a process.
    libfaketime
    # The tests look at the console with a real browser.
    chromium
    # The simulated ward renders without a screen or a graphics card.
    libosmesa6
)

say() { printf 'bootstrap: %s\n' "$*"; }
fail() {
    printf 'bootstrap: %s\n' "$@" >&2
    exit 1
}

choose_packages() {
    case $install_kind in
        everything) system_packages+=("${lab_packages[@]}") ;;
        runtime) ;;
        *) fail "WARDWATCH_INSTALL is $install_kind; expected everything or runtime." ;;
    esac
}

check_python() {
    command -v python3 >/dev/null || fail "python3 is missing: install Python 3.11 or newer."
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail \
        "Python 3.11 or newer is needed, and python3 is $(python3 --version 2>&1)." \
        "Put a newer python3 first on PATH and run this again."
    # A Python that is not the system's, such as pyenv's, has its own venv and headers.
    local prefix
    prefix=$(python3 -c 'import sys; print(sys.base_prefix)')
    if [[ $prefix == /usr ]]; then
        system_packages+=(python3-venv python3-dev)
    fi
}

missing_packages() {
    # dpkg-query fails if a name is unknown; such a package is missing.
    local installed
    # shellcheck disable=SC2016  # the dollar signs are dpkg-query's own
    installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' \
        "${system_packages[@]}" 2>/dev/null | sed -n 's/^installed //p' || true)
    comm -23 <(printf '%s\n' "${system_packages[@]}" | sort -u) <(sort -u <<<"$installed")
}

install_system_packages() {
    if [[ ${WARDWATCH_SYSTEM_PACKAGES:-} == skip ]]; then
        return
    fi
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        fail "apt is missing. Install the counterparts of these Debian packages:" \
            "  ${system_packages[*]}" \
            "and run this again with WARDWATCH_SYSTEM_PACKAGES=skip."
    fi
    local missing
    mapfile -t missing < <(missing_packages)
    if ((${#missing[@]} == 0)); then
        return
    fi
    local as_root=()
    if ((EUID != 0)); then
        as_root=(sudo)
        if ! command -v sudo >/dev/null || ! sudo_works; then
            fail "system packages are missing, and only root or sudo can install them." \
                "Ask an administrator to run this line, then run this again:" \
                "  apt-get update && apt-get install --yes --no-install-recommends ${missing[*]}"
        fi
    fi
    say "installing system packages: ${missing[*]}"
    "${as_root[@]}" apt-get update --quiet=2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --quiet=2 --option Dpkg::Use-Pty=0 --no-install-recommends \
        "${missing[@]}" >/dev/null
}

sudo_works() {
    # With a terminal sudo may ask for the password; without one it must not hang.
    if [[ -t 0 ]]; then sudo --validate; else sudo --non-interactive true 2>/dev/null; fi
}

fingerprint() {
    # Includes the path and the Python, because a moved folder breaks an editable install.
    {
        pwd
        printf '%s\n' "$install_kind"
        python3 -c 'import sys; print(sys.base_prefix, sys.version)'
        cat pyproject.toml "$constraints" deploy/bootstrap.sh
    } | sha256sum | cut --delimiter=' ' --fields=1
}

make_venv() {
    # An incomplete .venv has no working pip; that of a removed Python does not start.
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        say "creating .venv with $(python3 --version)"
        python3 -m venv --clear .venv
    fi
    # Dependency groups need pip 25.1; Debian 12 has 23.0.
    install "pip>=25.1"
}

install() {
    # Twice quiet hides warnings, not errors.
    .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check \
        --constraint "$constraints" "$@"
}

install_torch() {
    if .venv/bin/python -c "
import importlib.metadata, sys
sys.exit(importlib.metadata.version('torch').split('+')[0] != '$torch_version')
" 2>/dev/null; then
        return
    fi
    # The CPU build carries the tag +cpu, which the default index does not have.
    # Read the whole answer: with pipefail, grep -q would end pip by a broken pipe.
    local offered
    offered=$(.venv/bin/python -m pip --disable-pip-version-check \
        index versions torch 2>/dev/null || true)
    if [[ $offered == *"$torch_version+cpu"* ]]; then
        say "installing torch $torch_version (CPU build)"
        install "torch==$torch_version+cpu"
        return
    fi
    say "installing torch $torch_version from the default index."
    say "ON LINUX THIS DOWNLOADS GIGABYTES OF CUDA LIBRARIES, needed only with an NVIDIA card."
    say "Without one, stop here (Ctrl-C) and install the CPU build instead:"
    say "  PIP_EXTRA_INDEX_URL=$torch_cpu_index deploy/bootstrap.sh"
    install --progress-bar on --verbose --verbose "torch==$torch_version"
}

fetch_person_networks() {
    # Only data is read from the wheel of mediapipe, nothing is installed, so the wheel of
    # any platform is fine. Without network, everything but the pose view still works.
    if .venv/bin/python -m models.person.files --check 2>/dev/null; then
        return
    fi
    say "downloading the person finder's networks (35 MB, once)"
    local folder
    folder=$(mktemp --directory)
    if .venv/bin/python -m pip download --quiet --quiet --disable-pip-version-check \
        --no-deps --only-binary=:all: --platform manylinux_2_28_x86_64 \
        --python-version 3.12 --dest "$folder" "$person_wheel"; then
        .venv/bin/python -m models.person.files "$folder"/*.whl
    else
        say "could not download $person_wheel; run this again to watch with a pose view."
    fi
    rm -r "$folder"
}

main() {
    choose_packages
    check_python
    install_system_packages
    local wanted
    wanted=$(fingerprint)
    if [[ -f $stamp && $(<"$stamp") == "$wanted" && -x .venv/bin/wardwatch ]]; then
        # The download may have failed before.
        [[ -f models/person/networks/pose_landmark_full.tflite ]] || fetch_person_networks
        return
    fi
    make_venv
    install_torch
    say "installing wardwatch into .venv: $install_kind (a few minutes the first time)"
    if [[ $install_kind == runtime ]]; then
        install --editable '.[clips,oidc,postgres]'
    else
        install --editable '.[clips,lab,oidc,postgres,quantize]' --group dev
    fi
    fetch_person_networks
    printf '%s\n' "$wanted" >"$stamp"
    say "ready: .venv/bin/wardwatch --help"
}

main
