"""Runs the Autobahn test suite. The arguments are what it is to be, `client` or `server`, and the file that specifies the run."""
import json
import sys

from autobahntestsuite import fuzzing
from twisted.internet import reactor

role, specification = sys.argv[1], json.load(open(sys.argv[2]))
if role == 'client':
    fuzzing.startClient(specification)
else:
    fuzzing.startServer(specification, webport=0)
reactor.run()
