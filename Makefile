# SPDX-License-Identifier: Apache-2.0
#
# One Makefile for everything: sources are found by wildcard, so adding a file touches nothing here.
# Each folder gets only the include paths that it may use; the compiler enforces the layers.
# A variant (asan, clang, static, fuzz, ...) is the same build in a folder of its own:
#   make BUILD=build/clang CC=clang        V=1 shows the commands        `make help` lists the targets

BUILD    := build
PREFIX   := /usr/local
PYTHON   := $(firstword $(wildcard /usr/bin/python3) python3)
SANITIZE :=
STATIC   :=
FUZZ_SECONDS := 60
FUZZ_JOBS    := 1
ifeq ($(origin CC),default)
CC       := gcc
endif

comma    := ,
# What runs for every request is made fast (but not padded, where the compiler can be told so), all
# else small; C needs no tables to unwind its stack by (a debugger has its own from -g).
FAST     := $(addprefix policy/,arena image json json_read json_write judge letters policy_decide query route) \
            $(addprefix proxy/,answer audit buf conn_request message message_write)
OPTIMISE := -Os
UNALIGNED := $(if $(findstring clang,$(CC)),,$(addprefix -fno-align-,functions jumps loops labels))
# Small functions are copied into their callers only where that is next to free.
SPARING  := $(if $(findstring clang,$(CC)),,--param=max-inline-insns-auto=6 --param=early-inlining-insns=4)
LEAN     := -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections
MODE      = $(if $(SANITIZE),-O1 -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined,$(OPTIMISE) $(LEAN) -D_FORTIFY_SOURCE=2)
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Werror
override CFLAGS  += -std=gnu11 -D_GNU_SOURCE -g $(MODE) $(WARNINGS) -fstack-protector-strong -fPIE -MMD -MP
# The linker would warn of getpwnam() and the like, which in a static program read only files.
override LDFLAGS += $(if $(STATIC),-static-pie -s -Wl$(comma)--no-warnings,-pie) -Wl,-z,relro,-z,now
# Of what is shipped: nothing that nothing calls, each string once, and one bit for each address in
# a table instead of 24 bytes, where the C library knows how to read that.
LEAN_LINK := -Wl,--gc-sections,-O2 $(shell \
    grep -qs GLIBC_ABI_DT_RELR "$$($(CC) -print-file-name=libc.so.6)" && echo -Wl,-z,pack-relative-relocs)
PROXY_LIBS       := -levent_core -lhttp_parser -linih
EVALUATOR_LIBS   := -levent_core -lhttp_parser -ljansson -lz

# $(call sources,GLOB): the sources; $(call objects,SOURCES): where their objects go.
sources = $(sort $(wildcard $1))
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$1)

POLICY    := $(call objects,$(call sources,policy/*.c))
PROXY     := $(call objects,$(call sources,proxy/*.c))
EVALUATOR := $(call objects,$(call sources,evaluator/*.c))
UNITS     := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(call sources,tests/unit/test_*.c))
FUZZERS   := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(call sources,tests/fuzz/fuzz_*.c))
OBJECTS   := $(POLICY) $(PROXY) $(EVALUATOR) \
             $(call objects,$(call sources,tests/unit/*.c) $(call sources,tests/fuzz/*.c) $(call sources,tests/lint/*.c))
# Test programs link whole folders, without the main()s.
PROXY_PARTS     := $(POLICY) $(filter-out %/main.o,$(PROXY))
EVALUATOR_PARTS := $(filter-out %/main.o,$(EVALUATOR))

# What the test suites are told: the programs, and where they add a line "SUITE PASSED FAILED".
export CAISSON   = $(CURDIR)/$(BUILD)/caisson
export EVALUATOR_PROGRAM = $(CURDIR)/$(BUILD)/evaluator
export CAISSON_RESULTS   = $(CURDIR)/$(BUILD)/test-results
export PYTHON
export PYTHONDONTWRITEBYTECODE = 1

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' "$1" "$2";)

all: $(BUILD)/caisson $(BUILD)/evaluator ## Build build/caisson and build/evaluator

everything: all $(UNITS) $(FUZZERS) # all, and the test programs

$(BUILD)/caisson: $(POLICY) $(PROXY)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $(LEAN_LINK) -o $@ $^ $(PROXY_LIBS)

$(BUILD)/evaluator: $(EVALUATOR)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $(LEAN_LINK) -o $@ $^ $(EVALUATOR_LIBS)

$(FAST:%=$(BUILD)/obj/%.o):            private OPTIMISE := -O2 $(UNALIGNED) $(SPARING)
$(BUILD)/obj/proxy/%.o:                private CPPFLAGS += -Ipolicy
$(BUILD)/obj/tests/%.o:                private CPPFLAGS += -Ipolicy -Iproxy
$(BUILD)/obj/tests/unit/test_evaluator%.o: private CPPFLAGS := -Ievaluator
$(BUILD)/obj/tests/fuzz/fuzz_evaluator%.o: private CPPFLAGS := -Ievaluator
$(BUILD)/obj/%.o: %.c Makefile | $(BUILD)/ready
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# A missing compiler or header is one line that says what to install, not a page of errors.
$(BUILD)/ready:
	@mkdir -p $(@D) && CC='$(CC)' tests/setup/packages.sh --check && touch $@

# What prints the reference; not shipped.
$(BUILD)/reference: $(BUILD)/obj/tests/lint/reference.o $(POLICY)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PROXY_LIBS)

$(BUILD)/unit/test_evaluator%: $(BUILD)/obj/tests/unit/test_evaluator%.o $(EVALUATOR_PARTS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(EVALUATOR_LIBS) -lcmocka
$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(PROXY_PARTS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PROXY_LIBS) -lcmocka

# A harness is linked with libFuzzer or AFL++ to search, and with a small main() to replay its corpus.
FUZZ_SEARCH := $(findstring fuzzer,$(SANITIZE))$(findstring afl,$(CC))
FUZZ_MAIN := $(if $(FUZZ_SEARCH),,$(BUILD)/obj/tests/fuzz/replay.o)
FUZZ_LINK := $(if $(FUZZ_SEARCH),-fsanitize=fuzzer)
# What some of them hold ours against.
$(BUILD)/fuzz/fuzz_json: $(BUILD)/obj/tests/fuzz/oracle_json.o
$(BUILD)/fuzz/fuzz_head: $(BUILD)/obj/tests/fuzz/oracle_head.o
$(BUILD)/fuzz/fuzz_evaluator%: $(BUILD)/obj/tests/fuzz/fuzz_evaluator%.o $(FUZZ_MAIN) $(EVALUATOR_PARTS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(FUZZ_LINK) $(LDFLAGS) -o $@ $^ $(EVALUATOR_LIBS)
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(FUZZ_MAIN) $(PROXY_PARTS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(FUZZ_LINK) $(LDFLAGS) -o $@ $^ $(PROXY_LIBS)

##@ Running
up: ## Bring everything up with compose and evaluate a first program; installs what is missing
	$(Q)tests/setup/up.sh
down: ## Undo `make up`
	$(Q)tests/setup/down.sh

##@ Testing
test: ## All tests; installs what is missing, starts its own engines (root)
	$(Q)tests/setup/test.sh
check: unit cases replay ## Fast tests: units, .case files, fuzz corpora (no engine, no root)
unit: $(UNITS) ## Unit tests
	$(Q)tests/setup/unit.sh $(UNITS)
cases: all ## .case files against the library and over sockets
	$(Q)tests/setup/suite.sh tests/cases/run
replay: $(FUZZERS) ## Fuzz corpora as a test
	$(Q)tests/setup/replay.sh $(FUZZERS)
# Preloaded by tests that need a bad world (tests/shim); with a sanitizer it is not used.
$(BUILD)/shim.so: tests/shim/shim.c | $(BUILD)/ready
	$(call say,LINK,$@)$(CC) -std=gnu11 -D_GNU_SOURCE -g -O2 $(WARNINGS) -fno-builtin -fPIC -shared -o $@ $<
# What hands bytes on: once as shipped, where small chunks are copied, once with all of them spliced.
BULK := streams uploads tunnel upgrades replies half-closes "early closes" "byte by byte" trailers \
        "engines that" "failing memory" "length and"
wire: all $(BUILD)/shim.so ## Over real sockets against a scripted engine: faults, framing, limits
	$(Q)tests/setup/suite.sh tests/wire/run $(ARGS)
	$(Q)$(if $(ARGS),,CAISSON_SPLICE=1 tests/setup/suite.sh tests/wire/run $(BULK))
e2e: all ## On a real Docker Engine (CAISSON_ENGINE=unix:///PATH, or one of its own; root)
	$(Q)tests/setup/suite.sh tests/e2e/run $(ARGS)
test-engines: all ## The e2e suite on newer Engines (ENGINES="trixie sid"; root, network)
	$(Q)tests/setup/test-engines.sh $(ENGINES)
ASAN := --no-print-directory BUILD=build/asan SANITIZE=address,undefined
asan: export CAISSON_PATIENCE = 3
asan: ## check and wire under AddressSanitizer and UBSan, in build/asan
	$(Q)$(MAKE) $(ASAN) everything
	$(Q)$(MAKE) $(ASAN) -k check; checked=$$?; $(MAKE) $(ASAN) wire && exit $$checked
valgrind: all ## wire with the proxy under valgrind
	$(Q)tests/setup/valgrind.sh tests/wire/run $(ARGS)
soak: all ## Mixed clients and engine restarts: an hour, or SOAK_REQUESTS (10000000); build/soak.txt
	$(Q)tests/setup/suite.sh tests/soak/run --report $(BUILD)/soak.txt $(ARGS)
bench: all static ## Measure against HAProxy and a bare relay (ARGS="CELL...": single cells)
	$(Q)tests/setup/packages.sh bench
	$(Q)tests/setup/suite.sh tests/bench/run $(ARGS)
# Counts are free of noise: what a small request and our own code may cost at most, so that nobody
# makes them dearer.
# They are gcc's: another compiler's are told, and only the system calls are held to their limit.
GCC_COUNTS := --instructions 8800 --unknown 14800 --refused 7600 --create 87000 --code 325
bench-count: all ## Count instructions and system calls of a request, bytes of code (valgrind, strace)
	$(if $(findstring clang,$(CC)),@echo "instructions and bytes of code: their limits are for gcc and do not hold here")
	$(Q)tests/setup/suite.sh tests/bench/count --syscalls 5 $(if $(findstring clang,$(CC)),,$(GCC_COUNTS)) $(ARGS)
fuzz: ## libFuzzer on each harness (or FUZZ="json head"), FUZZ_SECONDS each, FUZZ_JOBS at once (clang)
	$(Q)$(MAKE) --no-print-directory BUILD=build/fuzz CC=clang \
	    SANITIZE=fuzzer-no-link,address,undefined fuzz-run
fuzz-afl: ## The same with AFL++ in persistent mode (afl++, clang)
	$(Q)tests/setup/packages.sh fuzz
	$(Q)$(MAKE) --no-print-directory BUILD=build/afl CC=afl-clang-fast SANITIZE=address,undefined \
	    FUZZ_SCRIPT=tests/setup/fuzz-afl.sh fuzz-run
FUZZ_SCRIPT := tests/setup/fuzz.sh
fuzz-run: $(if $(FUZZ),$(FUZZ:%=$(BUILD)/fuzz/fuzz_%),$(FUZZERS))
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_JOBS=$(FUZZ_JOBS) $(FUZZ_SCRIPT) $^
# Optimised as little as keeps lines apart; what fuzzing found beside the corpora counts as well.
fuzz-coverage: ## Lines and branches that the fuzz corpora reach, by module (clang)
	$(Q)$(MAKE) --no-print-directory BUILD=build/coverage CC=clang \
	    MODE='-O1 -fprofile-instr-generate -fcoverage-mapping' FUZZ_SCRIPT=tests/setup/coverage.sh fuzz-run

##@ Looking
lint: all $(BUILD)/reference ## Layers, table rows, reference and man pages, sizes of functions and files, formatting
	$(Q)$(PYTHON) tests/lint/layers.py
	$(Q)$(PYTHON) tests/lint/rows.py
	$(Q)$(PYTHON) tests/lint/cases.py
	$(Q)$(PYTHON) tests/lint/reference.py
	$(Q)if command -v clang-format >/dev/null; then $(MAKE) --no-print-directory format-check; fi
FORMATTED = $(call sources,policy/*.[ch] proxy/*.[ch] evaluator/*.[ch] tests/*/*.[ch])
format: ## Rewrite the C sources with clang-format
	$(Q)clang-format -i $(FORMATTED)
format-check: ## Fail when clang-format would change something
	$(Q)clang-format --dry-run --Werror $(FORMATTED)

reference: all $(BUILD)/reference ## Write policy/REFERENCE.md, and what the man pages take from the tables, anew
	$(Q)$(PYTHON) tests/lint/reference.py --write

##@ Shipping
static: ## Static, stripped binaries in build/static
	$(Q)$(MAKE) --no-print-directory BUILD=build/static STATIC=1 all
install: all ## Install programs, man pages, policies below $(DESTDIR)$(PREFIX)
	install -D -m 0755 $(BUILD)/caisson $(DESTDIR)$(PREFIX)/bin/caisson
	install -D -m 0755 $(BUILD)/evaluator $(DESTDIR)$(PREFIX)/bin/evaluator
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/caisson policy/evaluator.ini
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/caisson/presets $(wildcard policy/presets/*.ini)
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/caisson policy/REFERENCE.md
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man1 evaluator/evaluator.1
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man5 policy/caisson.ini.5
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man8 proxy/caisson.8
clean: ## Remove build/ (but not the cached base image)
	$(Q)if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +; fi
help: ## This list
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} \
	    /^[a-z0-9-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: all everything up down test check unit cases replay wire e2e test-engines asan valgrind soak bench \
        bench-count fuzz fuzz-afl fuzz-coverage fuzz-run lint format format-check reference static install clean help
.DELETE_ON_ERROR:
.SECONDARY: $(OBJECTS)
-include $(OBJECTS:.o=.d)
