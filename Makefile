# Countersign. `make help` lists the targets; all that is built lies under $(B).
VERSION := 0.1.0
B       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell nproc)

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --jobs=$(JOBS)
endif
ifeq ($(origin CC),default)
CC := gcc
endif
Q := $(if $(V),,@)# make V=1 shows the commands

# What is compiled: every .c file of a layer, so that a new file needs no line here.
LAYERS  := base vault policy workflow oauth server cli
SRC     := $(foreach layer,$(LAYERS),$(wildcard $(layer)/*.c $(layer)/*/*.c))
OBJ     := $(SRC:%.c=$(B)/%.o)
LIBS    := lmdb libsodium libmicrohttpd gnutls nettle jansson yaml-0.1 libcbor zlib libcurl

# How. OPT and SAN are what the builds for tests change; WERROR= helps with a stranger's compiler.
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wnull-dereference \
           -Wformat=2 -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wvla
WERROR  ?= -Werror
OPT     ?= -O2 -g -D_FORTIFY_SOURCE=2
HARDEN  := -fstack-protector-strong -fPIE
DEFINES := -D_GNU_SOURCE -DCS_VERSION='"$(VERSION)"'
CFLAGS  := -std=c11 -I. $(DEFINES) $(WARN) $(WERROR) $(OPT) $(HARDEN) $(SAN) \
           $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
LDFLAGS := -pie -Wl,-z,relro,-z,now,--as-needed $(SAN)
LDLIBS  := $(shell pkg-config --libs $(LIBS) 2>/dev/null) -lpthread

all: $(B)/countersign ## build the program (the default)

$(B)/countersign: $(OBJ) $(B)/sources
	@echo "link $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(OBJ) $(LDLIBS)

$(B)/libcountersign.a: $(filter-out $(B)/cli/main.o,$(OBJ)) $(B)/sources
	@rm -f $@
	@ar rcs $@ $(filter %.o,$^)

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "cc   $@"
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# The program carries the default policy in itself.
$(B)/policy/embedded.o: policy/default.yaml

# Two files that change only when what they hold does: the flags, for which everything is compiled
# anew, and the list of sources, for which it is linked anew.
$(B)/flags: TEXT = $(CC) $(CFLAGS) $(LDFLAGS)
$(B)/sources: TEXT = $(SRC)
$(B)/flags $(B)/sources: FORCE
	@mkdir -p $(@D)
	@pkg-config --exists $(LIBS) || { echo "Libraries are missing: run 'make deps'." >&2; exit 1; }
	@echo '$(TEXT)' | cmp -s - $@ || echo '$(TEXT)' >$@

# What is needed, as Debian packages. name=package: any way of having `name` will do.
deps: ## install what building needs (Debian packages; root or sudo)
	@scripts/packages.sh gcc libc6-dev binutils pkg-config lmdb=liblmdb-dev libsodium=libsodium-dev \
	    libmicrohttpd=libmicrohttpd-dev gnutls=libgnutls28-dev nettle=nettle-dev \
	    jansson=libjansson-dev yaml-0.1=libyaml-dev libcbor=libcbor-dev zlib=zlib1g-dev \
	    libcurl=libcurl4-openssl-dev

test-deps: deps ## install what the tests need beside
	@scripts/packages.sh cmocka=libcmocka-dev node=nodejs npm clang libclang-rt-dev \
	    clang-format clang-tidy cppcheck shellcheck ctags=universal-ctags jq curl wrk slowhttptest \
	    mandoc setarch=util-linux mdb_copy=lmdb-utils promtool=prometheus nginx=nginx-light \
	    haproxy caddy openssl systemd-analyze=systemd
	@$(MAKE) --no-print-directory -s tests/node_modules/.package-lock.json

tests/node_modules/.package-lock.json: tests/package-lock.json tests/package.json
	cd tests && npm ci --ignore-scripts --no-audit --no-fund && touch node_modules/.package-lock.json

run: deps ## build, and serve a demo vault out of vault-data/
	@$(MAKE) --no-print-directory all
	$(B)/countersign dev --data vault-data

# What the program says of itself is installed beside it: written by it, from its command table.
GENERATED := countersign.1 countersign.bash countersign.zsh countersign.fish
DATA      := $(DESTDIR)$(PREFIX)/share
$(B)/share/countersign.1: WORDS = help --man
$(B)/share/countersign.%: WORDS = completion $*
$(B)/share/countersign.%: $(B)/countersign
	@mkdir -p $(@D)
	@$< $(WORDS) >$@

UNITS := $(DESTDIR)$(PREFIX)/lib/systemd/system

install: all $(GENERATED:%=$(B)/share/%) ## program, manual, examples, systemd units …: below PREFIX
	install -D $(B)/countersign $(DESTDIR)$(PREFIX)/bin/countersign
	install -D -m 644 policy/default.yaml $(DATA)/countersign/policy.yaml
	install -D -m 644 policy/policy.schema.json $(DATA)/countersign/policy.schema.json
	install -D -m 644 examples/countersign.yaml $(DATA)/countersign/countersign.yaml
	install -D -m 644 LICENSE $(DATA)/doc/countersign/copyright
	install -D -m 644 $(B)/share/countersign.1 $(DATA)/man/man1/countersign.1
	install -D -m 644 $(B)/share/countersign.bash $(DATA)/bash-completion/completions/countersign
	install -D -m 644 $(B)/share/countersign.zsh $(DATA)/zsh/site-functions/_countersign
	install -D -m 644 $(B)/share/countersign.fish $(DATA)/fish/vendor_completions.d/countersign.fish
	install -D -m 644 examples/systemd/countersign.socket $(UNITS)/countersign.socket
	install -D -m 644 examples/systemd/countersign.service $(UNITS)/countersign.service
	sed -i 's|/usr/local/bin/|$(PREFIX)/bin/|' $(UNITS)/countersign.service
	install -D -m 644 examples/systemd/countersign.conf \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d/countersign.conf

uninstall: ## remove what install put below PREFIX; vaults and configurations stay
	rm -f $(DESTDIR)$(PREFIX)/bin/countersign $(DATA)/man/man1/countersign.1 \
	    $(DATA)/bash-completion/completions/countersign \
	    $(DATA)/zsh/site-functions/_countersign \
	    $(DATA)/fish/vendor_completions.d/countersign.fish \
	    $(UNITS)/countersign.socket $(UNITS)/countersign.service \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d/countersign.conf
	rm -rf $(DATA)/countersign $(DATA)/doc/countersign

# Tests. Each suite is a target of its own; `make test` runs them all and closes with one total.
UNIT    := $(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c))
RACE    := $(shell grep -lE 'pthread_create|http_fixture' tests/unit/test_*.c)
RACE    := $(RACE:tests/unit/test_%.c=%)
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 60
FAULTS  := $(patsubst %.c,$(B)/%,$(wildcard tests/fault/*.c))
FAULT_TOOLS := $(patsubst %.c,$(B)/%,$(wildcard tests/fault/tools/*.c))
FAULT_ROUNDS ?= 200
SUITE_SECONDS ?= 1200
AT_ONCE ?= $(JOBS)# files of tests that Node runs beside each other
SUITES  := tools lint package unit race fuzz api api-asan desk gateway fault

ASAN := +@$(MAKE) --no-print-directory -k --output-sync B=$(B)/asan OPT="-O1 -g" \
        SAN="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
TSAN := +@$(MAKE) --no-print-directory -k --output-sync B=$(B)/tsan OPT="-O1 -g" \
        SAN="-fsanitize=thread" UNDER="$(shell setarch -R true 2>/dev/null && echo setarch -R)"
FUZZ := +@$(MAKE) --no-print-directory -k --output-sync B=$(B)/fuzz OPT="-O1 -g" CC=clang \
        SAN="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"

test: test-deps ## run every suite (under half an hour on two cores)
	+@tests/tools/suites.sh $(B)/suites "$(MAKE)" $(SUITES)

tools: ## test what the tests stand on: the counting and the checks of style
	@tests/tools/test-tools.sh

lint: layers style words generated cppcheck tidy symbols ## form, layers, static analysis
layers style words:
	@tests/tools/$@.sh
generated: all
	@tests/tools/generated.sh $(B)/countersign
cppcheck:
	@tests/tools/cppcheck.sh $(JOBS)
tidy: $(SRC:%.c=$(B)/tidy/%.ok)
	@echo "ok - clang-tidy, $(words $^) files"
$(B)/tidy/%.ok: %.c $(B)/%.o .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- $(CFLAGS) 2>/dev/null || { echo "not ok - clang-tidy $<"; exit 1; }
	@touch $@
symbols: $(B)/libcountersign.a
	@tests/tools/symbols.sh $<

package: all ## what is installed is whole and sound
	+@tests/tools/package.sh "$(MAKE)"

# While only some folders build, make LAYERS="base vault" unit-token leaves the others out.
unit: ## unit tests, under ASan and UBSan; unit-NAME: one of them
	$(ASAN) $(UNIT:%=ran-%)
unit-%: units-asked ;
units-asked:
	$(ASAN) $(patsubst unit-%,ran-%,$(filter unit-%,$(MAKECMDGOALS)))
race: ## the concurrent unit tests, under TSan
	$(TSAN) $(RACE:%=ran-%)
ran-%: $(B)/tests/unit/test_%
	@$(UNDER) $<

fuzz: ## each fuzz target for FUZZ_SECONDS
	$(FUZZ) $(FUZZERS:%=$(B)/fuzz/tests/fuzz/fuzz_%)
	@tests/tools/fuzz.sh $(B)/fuzz $(FUZZ_SECONDS) $(JOBS) $(FUZZERS)

api: ## tests of the running program, over HTTP and through its command line
desk: $(FAULT_TOOLS) ## the approval desk on the running program: cases as files, a model, kills
gateway: $(FAULT_TOOLS) ## nginx, HAProxy and Caddy with the shipped configurations
fault: $(FAULTS:%=%.survived) $(FAULT_TOOLS) ## the store and the program, killed and tampered with
gateway: AT_ONCE = 1# a port that was found free is taken only when a gateway has started
api: AT_ONCE = $$((2 * $(JOBS)))# they wait half of their time: for a disk, for a program's start
api desk gateway fault: all tests/node_modules/.package-lock.json
	@$(if $(wildcard tests/$@/*.test.mjs),COUNTERSIGN_PROGRAM=$(B)/countersign \
	    timeout $(SUITE_SECONDS) node --test --test-concurrency=$(AT_ONCE) \
	    --test-reporter=spec tests/$@/*.test.mjs)
%.survived: %
	@$< $(FAULT_ROUNDS)
api-asan: ## the tests of api, on a program under ASan and UBSan
	$(ASAN) api

bench: test-deps ## the figures of docs/performance.md in thirteen minutes; QUICK=1: in three
	+@$(MAKE) --no-print-directory all $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
	@node tests/bench/bench.mjs $(B) $(if $(QUICK),quick,whole) $(ONLY)
bench-large: ## verification's, at ten million credentials: half an hour, 12 GB of disk and memory
	+@CREDENTIALS=1e7 $(MAKE) --no-print-directory bench ONLY=verification,gateway
bench-audit: ## the audit log's, at ten million entries: three minutes, 4 GB of disk
	+@AUDIT_ENTRIES=1e7 $(MAKE) --no-print-directory bench ONLY=audit

$(B)/tests/%: $(B)/tests/%.o $(B)/libcountersign.a
	@echo "link $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)
$(B)/tests/fuzz/%: LDFLAGS += -fsanitize=fuzzer

openapi: all ## write server/openapi.json anew from the route and record tables
	$(B)/countersign openapi >$(B)/openapi.json
	mv $(B)/openapi.json server/openapi.json

schema: all ## write policy/policy.schema.json anew from the tables of the policy's keys
	$(B)/countersign policy schema >$(B)/policy.schema.json
	mv $(B)/policy.schema.json policy/policy.schema.json

format: ## put every C file into the house's format
	clang-format -i $(foreach layer,$(LAYERS) tests,$(wildcard $(layer)/*.[ch] $(layer)/*/*.[ch]))

clean: ## remove what was built
	rm -rf $(B)

help: ## this list
	@sed -nE 's/^([a-z][a-z -]*):[^#]*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: all deps test-deps run test tools lint layers style words generated cppcheck tidy symbols \
        unit units-asked race fuzz api api-asan desk gateway fault package bench bench-large \
        bench-audit install uninstall openapi schema format clean help FORCE
.SECONDARY:
.DELETE_ON_ERROR:
-include $(OBJ:.o=.d) $(wildcard $(B)/tests/*/*.d $(B)/tests/*/*/*.d)
