#!/usr/bin/env bash
# The whole story, by curl and then once more by the command line.
#   countersign dev --data vault-data &  examples/story.sh
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")

"$here/developer.sh"
request=$("$here/reviewer.sh")
"$here/integrator.sh" "$request"
"$here/cli.sh"
printf '\nThat was the whole story.\n' >&2
