# given.mk -- a misspelt variable on make's command line is an error, not without effect. Included last.

# Known is what a makefile mentions, and what is meant for the programs that commands start.
given := $(foreach v,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $v))),$v))
knobs := GOMAXPROCS GODEBUG GOGC GOMEMLIMIT SLICE MAXSTACK MAXCPUS HOLD ENV
given_misplaced := $(filter $(knobs),$(given))
given_unknown := $(filter-out $(shell for v in $(given); do grep -qw -- "$$v" $(filter Makefile %.mk,$(MAKEFILE_LIST)) && echo "$$v"; done) \
  BURROW_% %_OPTIONS LAZY MAKEFLAGS $(knobs),$(given))
$(foreach v,$(given_misplaced),$(error $v=$($v): a knob of the machine's command line: CMDLINE='$v=$($v)'))
$(foreach v,$(given_unknown),$(error $v=$($v): no command has a variable $v; `make` alone lists what there is))
