# given.mk -- a misspelt variable on make's command line is an error, not without effect; for a misspelt command the nearest is named. Included last.

# Known is what a makefile mentions (in small letters: its own, not for the command line), and what is meant for the programs that commands start.
given := $(foreach v,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $v))),$v))
knobs := GOMAXPROCS GODEBUG GOGC GOMEMLIMIT SLICE MAXSTACK MAXCPUS HOLD ENV
given_misplaced := $(filter $(knobs),$(given))
given_unknown := $(filter-out $(shell for v in $(given); do case $$v in (*[[:upper:]]*) grep -qw -- "$$v" $(filter Makefile %.mk,$(MAKEFILE_LIST)) && echo "$$v";; esac; done) \
  BURROW_% %_OPTIONS LAZY MAKEFLAGS $(knobs),$(given))
$(foreach v,$(given_misplaced),$(error $v=$($v): a knob of the machine's command line: CMDLINE='$v=$($v)'))
$(foreach v,$(given_unknown),$(error $v=$($v): no command has a variable $v; `make` alone lists what there is))

# A goal that no makefile mentions, and that is no file's path: a misspelt command.
# (KIND-build: sanitize.mk makes that name.)
given_goals := $(foreach g,$(filter-out $(SAN_KINDS:%=%-build),$(MAKECMDGOALS)),$(if $(findstring /,$g)$(findstring .,$g),,$g))
given_no_goals := $(if $(given_goals),$(filter-out $(shell for g in $(given_goals); do grep -qw -- "$$g" $(filter Makefile %.mk,$(MAKEFILE_LIST)) && echo "$$g"; done),$(given_goals)))
nearest = $(shell $(PYTHON) -c 'import difflib, sys; print(*difflib.get_close_matches(sys.argv[1], sys.argv[2:], 1))' '$1' \
  $$(sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' $(filter Makefile %.mk,$(MAKEFILE_LIST))))
$(foreach g,$(given_no_goals),$(error $g: no such command$(addprefix ; the nearest is ,$(call nearest,$g)); `make` alone lists what there is))
