"""The migration test kit: scenarios of the AWS API, as data, run against any endpoint that claims to have that API.

A scenario is one behaviour that a client relies on, with the sentence of AWS's documentation that promises it.  The
scenarios are files of YAML; `scenarios/README.md` says how they are written.
"""

DISTRIBUTION = "passerelle"
