# Adds up what the runners said: cmocka's and Node's closing lines, and "ok - …" of our own checks.
# Each log ends with "suite NAME exit STATUS after N s". A suite that counted nothing, or that ended
# badly without counting a failure (a crash, a sanitizer's report), is one failure. Exits 1 on any.

/^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
/^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
/^(ℹ|#) pass [0-9]+$/ { passed += $3 }
/^(ℹ|#) (fail|cancelled) [0-9]+$/ { failed += $3 }
/^ok - / { passed++ }
/^not ok - / { failed++ }

/^suite [^ ]+ exit [0-9]+ after [0-9]+ s$/ {
    remark = ""
    if (passed + failed == 0)
        remark = ", ran nothing"
    else if ($4 != 0 && failed == 0)
        remark = ", ended with status " $4
    if (remark != "")
        failed++
    printf "%-10s %5d passed %4d failed %5d s%s\n", $2, passed, failed, $6, remark
    all_passed += passed
    all_failed += failed
    passed = failed = 0
    suites++
}

END {
    if (suites != ARGC - 1)
        all_failed++ # a log was cut off
    printf "%d passed, %d failed\n", all_passed, all_failed
    exit (all_failed > 0 || all_passed == 0)
}
