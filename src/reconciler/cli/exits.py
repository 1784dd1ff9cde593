"""Exit codes. JSON documents and ``$GITHUB_OUTPUT`` say the same.

| exit | means                                                        |
|------|--------------------------------------------------------------|
| 0    | done, nothing left                                           |
| 1    | failed                                                       |
| 2    | differences (with --detailed-exitcode; drift always)         |
| 3    | blocked: a person must decide                                |
| 4    | applied, but not healthy, or rolled back                     |
| 64   | wrong usage, so that a typo never reads as drift             |
| 130  | interrupted                                                  |
"""

from __future__ import annotations

OK, FAILED, DIFFERENCES, BLOCKED, UNHEALTHY = 0, 1, 2, 3, 4
USAGE = 64
INTERRUPTED = 130
