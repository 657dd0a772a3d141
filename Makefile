# Everything is built, tested and installed from here: `make help` lists the targets.
# Variables: BUILD=folder, SAN=address,undefined or thread (objects apart, in BUILD/SAN), CC=clang,
# KILL_POINTS=1 (places where tests have the program die), WERROR=1, V=1 (print commands),
# ROOM=name (one room's unit tests), PREFIX and DESTDIR (install).

VERSION := 0.1.0
BUILD   ?= build
SAN     ?=
PREFIX  ?= /usr/local
CFLAGS  ?= -O2 -g
PYTHON  ?= $(firstword $(wildcard /usr/bin/python3) python3)
comma   := ,
Q       := $(if $(V),,@)
SHORT    := $(filter-out --%,$(firstword -$(MAKEFLAGS)))
say      = $(if $(V)$(findstring s,$(SHORT)),,@printf '  %-4s %s\n' $1 $2)
OUT     := $(BUILD)$(if $(SAN),/$(subst $(comma),-,$(SAN)))

# What the goals need is installed first if it is missing or too old.
needs = $(if $(filter $1,$(or $(MAKECMDGOALS),all)),$2)
NEEDS := $(call needs,$(filter-out clean help deps test-image format format-check layers,$(or $(MAKECMDGOALS),all)),build) \
  $(call needs,demo run sanitize sanitized bench loss faults soak test check,run) $(call needs,unit fuzz-replay cases sanitize sanitized bench loss faults soak test check,test) \
  $(call needs,loss faults soak bench test check,kafka) $(call needs,test check,editor) $(call needs,test-image,image) $(call needs,python test check,test kafka python) \
  $(call needs,check tidy format format-check,lint) $(call needs,fuzz,fuzz) $(call needs,cov cov-run,test cov) $(if $(findstring clang,$(CC)),lint)
ifneq ($(and $(strip $(NEEDS)),$(if $(findstring n,$(SHORT)),,x)),)
  ifneq ($(shell .ci/deps --check $(NEEDS) >/dev/null && echo ok),ok)
    $(info a dependency is missing or too old: running make deps)
    $(if $(shell .ci/deps $(NEEDS) && echo ok),,$(error make deps failed))
  endif
endif
export PKG_CONFIG_PATH := $(CURDIR)/.deps/lib/pkgconfig$(if $(PKG_CONFIG_PATH),:$(PKG_CONFIG_PATH))

PACKAGES   := rdkafka hiredis_ssl hiredis yyjson jansson libmicrohttpd libxxhash libssl libcrypto
pc          = $(shell PKG_CONFIG_PATH='$(PKG_CONFIG_PATH)' pkg-config $1 2>/dev/null)
LIBS       := $(call pc,--libs $(PACKAGES)) -lunistring -lpthread -lm
BUS_LIBS   := $(call pc,--libs rdkafka) -lpthread
CHECK_LIBS := $(call pc,--libs check)

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef \
  -Wold-style-definition -Wwrite-strings -Wpointer-arith -Wvla -Wformat=2 -Wconversion $(if $(WERROR),-Werror)
SAN_FLAGS  := -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=$(SAN)
HARDENING  := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -DUNSTALE_VERSION='"$(VERSION)"' $(if $(KILL_POINTS),-DUNSTALE_KILL_POINTS) -I. -fPIC -pthread $(WARNINGS) \
  $(patsubst -I%,-isystem%,$(call pc,--cflags $(PACKAGES) check)) $(CFLAGS) $(if $(SAN),$(SAN_FLAGS),$(HARDENING))
ALL_LDFLAGS := $(LDFLAGS) -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN),-Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now)

# A room may use those after it; the archives are linked in this order.
ROOMS    := cli service pipeline kafka redis plan rules event base
MAIN     := consumers/cli/main.c
# Files that a room carries as constants PREFIX_NAME[] and PREFIX_NAME_len (a .lua ending is dropped).
EMBEDS        := script console schema django raw
script_room   := redis
script_files  := $(wildcard consumers/redis/scripts/*.lua)
console_room  := service
console_files := $(wildcard consumers/service/console/*.*)
schema_room   := cli
schema_files  := $(wildcard schemas/*.schema.json)
django_room   := cli
django_files  := $(wildcard config/starter/django/*.* config/starter/django/rules/*.*)
raw_room      := cli
raw_files     := $(wildcard config/starter/raw/*.* config/starter/raw/rules/*.*)

sources  = $(filter-out $(MAIN),$(wildcard consumers/$1/*.c))
embedded = $(foreach e,$(EMBEDS),$(if $(and $(filter $1,$($(e)_room)),$($(e)_files)),$(OUT)/gen/$(e).o))
objects  = $(patsubst %.c,$(OUT)/%.o,$(call sources,$1)) $(call embedded,$1)
built    = $(foreach r,$1,$(if $(call sources,$r),$(OUT)/$r.a))
from     = $(if $2,$(if $(filter $1,$(firstword $2)),$2,$(call from,$1,$(wordlist 2,99,$2))))
below    = $(if $(filter bus,$1),,$(call built,$(call from,$1,$(ROOMS)))) $(if $(filter bus cli,$1),$(OUT)/libunstale.a)
programs = $(patsubst %.c,$(OUT)/%,$(filter-out %/replay.c,$(wildcard $1)))

BUS      := $(patsubst %.c,$(OUT)/%.o,$(wildcard bus/*.c))
LIBRARY  := $(if $(BUS),$(addprefix $(OUT)/libunstale.,a so pc))
PROGRAM  := $(if $(wildcard $(MAIN)),$(OUT)/unstale)
TOOLS    := $(call programs,tests/tools/*.c)
BENCHES  := $(call programs,tests/bench/*.c)
FUZZERS  := $(call programs,tests/fuzz/*.c)
EXAMPLES := $(call programs,bus/examples/*.c)
UNITS    := $(foreach r,$(or $(ROOM),bus $(ROOMS)),$(call programs,tests/unit/$r/test_*.c))
# What ThreadSanitizer needs to see librdkafka's threads.
THREADS  := $(if $(filter thread,$(SAN)),$(OUT)/tests/lint/threads.o)
CODE     := $(shell find $(wildcard bus consumers tests) -name '*.c' -o -name '*.h')

.PHONY: all deps demo run unit cases python test check bench loss faults soak test-image tools benches examples fuzz fuzz-replay \
  sanitize sanitized fuzzers-run cov cov-run install clean help format format-check layers tidy FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAM) $(LIBRARY) ## build the program and the library (the default)

$(OUT)/flags: FORCE
	$(Q)mkdir -p $(@D); echo "$$FLAGS" | cmp -s - $@ || echo "$$FLAGS" >$@
export FLAGS := $(CC) $(ALL_CFLAGS)

$(OUT)/%.o: %.c $(OUT)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(VISIBILITY) -MMD -MP -c $< -o $@
$(BUS): VISIBILITY := -fvisibility=hidden

# $(call embed,PREFIX,FILE): the C text of one file.
embed = n=$1_$$(basename $2 .lua | tr -c 'A-Za-z0-9\n' _); \
  printf 'extern const char %s[];\nextern const size_t %s_len;\nconst char %s[] = {' $$n $$n $$n; \
  od -An -v -tu1 $2 | sed 's/ *\([0-9][0-9]*\)/(char)\1,/g'; \
  printf '0};\nconst size_t %s_len = sizeof(%s) - 1;\n' $$n $$n;
define embed_set
$(OUT)/gen/$1.c: $($1_files) Makefile
	$$(call say,GEN,$$@)
	$$(Q)mkdir -p $$(@D) && { echo '#include <stddef.h>'; $$(foreach f,$($1_files),$$(call embed,$1,$$f)) } >$$@
$(OUT)/gen/$1.o: $(OUT)/gen/$1.c
	$$(Q)$$(CC) $$(ALL_CFLAGS) -c $$< -o $$@
endef
$(foreach e,$(EMBEDS),$(eval $(call embed_set,$e)))

# A room's archive, and its unit tests: each test_NAME.c is a program, linked with the other files
# of its folder, the room and those below it.
define room
$(OUT)/$1.a: $(call objects,$1)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
$(OUT)/tests/unit/$1/test_%: $(OUT)/tests/unit/$1/test_%.o $(THREADS) $(call helpers,$1) $(call below,$1)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(CHECK_LIBS) $$(LIBS)
endef
helpers = $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/unit/*.c) $(filter-out tests/unit/$1/test_%,$(wildcard tests/unit/$1/*.c)))
$(foreach r,bus $(ROOMS),$(eval $(call room,$r)))

$(OUT)/unstale: $(OUT)/consumers/cli/main.o $(THREADS) $(call below,cli)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -pie -o $@ $^ $(LIBS)

$(OUT)/libunstale.a: $(BUS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^
$(OUT)/libunstale.so: $(BUS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,libunstale.so.0 -Wl,--exclude-libs,ALL -o $@.0 $^ $(BUS_LIBS)
	$(Q)ln -sf libunstale.so.0 $@
# $(call pc_file,LIBDIR,INCLUDEDIR): a static link also needs what librdkafka needs, when that is ours.
OWN_RDKAFKA := $(wildcard .deps/lib/librdkafka.a)
pc_file = printf '%s\n' 'libdir=$1' 'includedir=$2' '' 'Name: libunstale' 'Version: $(VERSION)' \
  'Description: publish model-change events' 'Cflags: -I$${includedir}' 'Libs: -L$${libdir} -lunstale' \
  '$(if $(OWN_RDKAFKA),Libs.private: $(patsubst -L%,-L$3,$(BUS_LIBS)),Requires.private: rdkafka)'
$(OUT)/libunstale.pc: Makefile
	$(Q)mkdir -p $(@D) && $(call pc_file,$(abspath $(OUT)),$(CURDIR)/bus,$(CURDIR)/.deps/lib) >$@

$(OUT)/tests/tools/rehash: $(OUT)/tests/tools/rehash.o $(call below,redis)
$(TOOLS): $(OUT)/%: $(OUT)/%.o $(THREADS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
# flow measures the pipeline from outside: these calls of it go through the bench.
$(OUT)/tests/bench/flow: ALL_LDFLAGS += $(addprefix -Wl$(comma)--wrap=rd_kafka_,consumer_poll message_headers message_destroy offsets_store)
$(OUT)/tests/bench/memory: ALL_LDFLAGS += -Wl,--wrap=send
$(OUT)/tests/bench/walk: ALL_LDFLAGS += -Wl,--wrap=purge_pace_round
$(BENCHES): $(OUT)/%: $(OUT)/%.o $(THREADS) $(call below,cli)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
# gcc has no libFuzzer: there replay.c runs the target over files and folders.
FUZZING := $(findstring fuzzer,$(SAN))
$(FUZZERS): $(OUT)/%: $(OUT)/%.o $(if $(FUZZING),,$(OUT)/tests/fuzz/replay.o) $(THREADS) $(call below,cli)
	$(call say,LD,$@)
	$(Q)$(CC) $(subst fuzzer-no-link,fuzzer,$(ALL_LDFLAGS)) -o $@ $^ $(LIBS)
$(EXAMPLES): $(OUT)/%: %.c $(LIBRARY) $(THREADS)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && export PKG_CONFIG_PATH=$(OUT) && $(CC) $(filter-out -I.,$(ALL_CFLAGS)) $(ALL_LDFLAGS) -o $@ $< $(THREADS) \
	  $$(pkg-config --cflags --libs libunstale) -Wl,-rpath,$(abspath $(OUT))
-include $(shell find $(wildcard $(addprefix $(OUT)/,bus consumers tests)) /dev/null -type f -name '*.d')

tools: $(TOOLS)
benches: $(BENCHES)
examples: $(EXAMPLES)

deps: ## install what is missing (FOR="build run test cov kafka lint fuzz image python editor" for more than building and running)
	@.ci/deps $(FOR)

demo: all ## play the main job from nothing: every key before and after
	@$(PYTHON) tests/demo/demo.py --build $(OUT)
run: all ## the same stack, left running; Ctrl-C stops it
	@$(PYTHON) tests/demo/demo.py --build $(OUT) --stay

export CK_FORK := $(if $(SAN),no,$(CK_FORK))
export TSAN_OPTIONS := suppressions=$(CURDIR)/tests/lint/tsan.txt
RUN := $(PYTHON) tests/run --build $(OUT)
unit: $(UNITS) ## unit tests alone (ROOM=base: of one room)
	$(Q)printf '%s\n' $^ | xargs -P$$(nproc) -n1 sh -c '$$0 || { echo "failed: $$0"; exit 1; }'
cases: all ## the case folders alone
	@$(RUN) cases
python: all tools ## the Python package and the recipes project alone, on each Django
	@$(RUN) python
test: all tools examples $(UNITS) $(FUZZERS) ## unit tests, cases, integration with a real Redis and Kafka, python
	@$(RUN) unit fuzz cases integration faults-short python
loss: all tools ## kill the consumer and Redis under load: nothing may be lost
	@$(RUN) loss
# Objects apart: kill points and sanitizers are in no program that anybody runs.
faults: all tools ## every fault of docs/reliability.md, kill points and sanitizers included (UNSTALE_TEST_SEED)
	@$(MAKE) BUILD=$(BUILD)/kill KILL_POINTS=1 all
	@$(MAKE) SAN=address,undefined all
	@$(MAKE) SAN=thread all
	@$(RUN) faults
soak: all tools ## SOAK_MINUTES=60 of load with a fault a minute: memory, descriptors, threads, lag; docs/soak.svg
	@$(PYTHON) tests/faults/soak.py --build $(OUT) --minutes $(or $(SOAK_MINUTES),60)
bench: all tools benches ## floors and pipeline in turn, as ratios (ROWS=kafka,race: these alone; QUICK=1: one short round)
	@$(PYTHON) tests/bench/bench.py --build $(OUT) $(if $(ROWS),--rows $(ROWS)) $(if $(QUICK),--quick)
test-image: ## the Dockerfile's own steps in a Debian root, and the compose file against its schema
	@$(PYTHON) tests/image/image.py --build $(BUILD)
check: format-check layers ## all of test, and layers, format, tidy, sanitizers, fuzz corpus
	@$(MAKE) tidy fuzz-replay TIDY_NODES=225000
	@$(MAKE) SAN=address,undefined unit cases fuzz-replay
	@$(MAKE) SAN=thread unit
	@$(MAKE) test WERROR=1

# A report that no test looks at counts too.
sanitize: ## every integration test with the program under ASan and UBSan, then under TSan: 25 minutes
	@$(MAKE) SAN=address,undefined sanitized
	@$(MAKE) SAN=thread sanitized
REPORTS = $(CURDIR)/$(OUT)/reports
sanitized: all tools examples
	$(Q)rm -rf $(REPORTS) && mkdir -p $(REPORTS)
	@export ASAN_OPTIONS=log_path=$(REPORTS)/asan LSAN_OPTIONS=log_path=$(REPORTS)/lsan; \
	  export UBSAN_OPTIONS=print_stacktrace=1:log_path=$(REPORTS)/ubsan TSAN_OPTIONS="$$TSAN_OPTIONS log_path=$(REPORTS)/tsan"; \
	  $(RUN) integration
	$(Q)[ -z "$$(ls $(REPORTS))" ] || { cat $(REPORTS)/*; exit 1; }

fuzz-replay: $(FUZZERS) ## every fuzz target over its corpus
	$(Q)for f in $^; do $$f tests/fuzz/corpus/$$(basename $$f) || exit 1; done
fuzz: ## clang's libFuzzer, FUZZ_TIME=60 seconds a target
	@$(MAKE) CC=clang SAN=address,undefined,fuzzer-no-link fuzzers-run
fuzzers-run: $(FUZZERS)
	$(Q)for f in $^; do mkdir -p $(OUT)/corpus/$$(basename $$f); $$f -max_total_time=$(or $(FUZZ_TIME),60) \
	  -timeout=10 -max_len=4096 -dict=tests/fuzz/words.dict -artifact_prefix=$(OUT)/corpus/ -print_final_stats=1 \
	  $(OUT)/corpus/$$(basename $$f) tests/fuzz/corpus/$$(basename $$f) || exit 1; done

# Apart from the other objects, and without what hides a line: optimisation and hardening.
cov: ## lines of event, rules and plan that unit tests, cases and corpora reach: 90 % of each
	@$(MAKE) BUILD=$(BUILD)/cov SAN= CFLAGS='-O0 -g --coverage' LDFLAGS=--coverage HARDENING= cov-run
cov-run: $(PROGRAM) $(FUZZERS) $(foreach r,event rules plan cli,$(filter $(OUT)/tests/unit/$r/%,$(UNITS)))
	@$(PYTHON) tests/cov --build $(BUILD) event rules plan

format: ## rewrite the code as .clang-format says (FILES="..." for some; tidy and format-check too)
	@clang-format -i $(or $(FILES),$(CODE))
format-check: ## code that .clang-format would write otherwise
	@clang-format --dry-run -Werror $(or $(FILES),$(CODE))
layers: ## includes against tests/lint/layers.txt, and the size of files
	@tests/lint/layers --self-test && tests/lint/layers
# The analyser walks TIDY_NODES states of a function; its own default takes four times as long.
tidy: $(OUT)/compile_commands.json ## clang's warnings and clang-tidy: defects, the size of functions (TIDY_NODES=225000: deeper)
	$(Q)printf '%s\n' $(filter %.c,$(or $(FILES),$(CODE))) | xargs -P$$(nproc) -n4 clang-tidy --quiet -p $(OUT) \
	  $(addprefix --extra-arg=,-Xclang -analyzer-config -Xclang max-nodes=$(or $(TIDY_NODES),50000))
$(OUT)/compile_commands.json: FORCE
	@mkdir -p $(@D) && for f in $(filter %.c,$(CODE)); do case $$f in bus/*) own=-Ibus ;; *) own= ;; esac; \
	  printf '{"directory": "%s", "file": "%s", "command": "%s %s -c %s"},\n' '$(CURDIR)' $$f \
	    "$$COMMAND" "$$own" $$f; done | sed '1s/^/[/; $$s/,$$/]/' >$@
$(OUT)/compile_commands.json: export COMMAND = $(subst ",\\\",$(subst ',,$(CC) $(ALL_CFLAGS)))

DEST := $(DESTDIR)$(PREFIX)
install: all ## program, library, header, schemas and sample configuration: PREFIX=/usr/local DESTDIR=
	install -D -m755 $(OUT)/unstale $(DEST)/bin/unstale
	install -D -m644 bus/unstale.h $(DEST)/include/unstale.h
	install -D -m644 $(OUT)/libunstale.a $(DEST)/lib/libunstale.a
	install -D -m755 $(OUT)/libunstale.so.0 $(DEST)/lib/libunstale.so.0
	ln -sf libunstale.so.0 $(DEST)/lib/libunstale.so
	$(if $(OWN_RDKAFKA),install -D -m644 $(OWN_RDKAFKA) $(DEST)/lib/unstale/librdkafka.a)
	install -d $(DEST)/lib/pkgconfig $(DEST)/share/unstale
	$(call pc_file,$(PREFIX)/lib,$(PREFIX)/include,$(PREFIX)/lib/unstale) >$(DEST)/lib/pkgconfig/libunstale.pc
	cp -R config schemas $(DEST)/share/unstale/

clean: ## remove what was built (.deps/ stays)
	rm -rf $(BUILD)
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-13s %s\n", $$1, $$2 }'
