"""`kgraph doctor`: is everything in place? One finding a line, each with its mend.

`installation`: what is installed, configured and answers; `service`: could the service start;
`alerts`: what rules and alerts become; `drill`: does one arrive; `itself`: does kgraph depend on
what it watches.
"""

from kgraph.app.doctor.finding import Finding, Health

__all__ = ["Finding", "Health"]
