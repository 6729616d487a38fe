"""Installs the Autobahn test suite and converts it from Python 2. The argument is the module `octets` that it is given.

What 2to3 does is done by its successor, and the rest by the table of changes.
"""
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path


def install(*arguments):
    subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', *arguments], check=True)


install('setuptools==71.1.0', 'Twisted==24.11.0', 'fissix==24.4.24', 'six==1.17.0', 'wsaccel==0.6.7')
# Packages with a setup.py that does not run with later versions of setuptools, and with sources that do not compile yet.
install('--no-deps', '--no-build-isolation', '--use-pep517', '--no-compile',
        'autobahn==0.10.9', 'autobahntestsuite==25.10.1', 'txaio==2.1.0')

from fissix.refactor import RefactoringTool

FIXERS = ['except', 'has_key', 'import', 'numliterals', 'print', 'raise', 'xrange']

# By file, what is replaced by what in the converted source.
CHANGES = {
    'fuzzing.py': [
        ('import os, json, binascii,', 'from . import octets as binascii\nfrom .octets import Sending, octets, text\nimport os, json,'),
        # It would want OpenSSL.
        ('import reactor, ssl', 'import reactor'),
        ('ssl.ClientContextFactory()', 'None'),
        ('class FuzzingProtocol:', 'class FuzzingProtocol(Sending):'),
        # What is reported.
        ('   ellipses = " ..."\n   try:', '   ellipses = b" ..."\n   data = octets(data)\n   try:'),
        ("''.join(payload)", "b''.join(payload)"),
        ('"localCloseReason": self.localCloseReason', '"localCloseReason": text(self.localCloseReason)'),
        ('self.http_request_data if', 'text(self.http_request_data) if'),
        ('self.http_response_data if', 'text(self.http_response_data) if'),
        ('.encode("utf-8"))', ')'),
        ("ll.encode('utf8')", 'll'),
    ],
    'report.py': [('import jinja2\n', '')],
    'case/__init__.py': [('from .case9_9_1 import *\n', '')],  # It is in no list of cases.
    'case/case.py': [
        ('import pickle\n', 'import pickle\nfrom ..octets import text\n'),
        ('("message", msg, binary)', '("message", text(msg), binary)'),
        ('("ping", payload)', '("ping", text(payload))'),
        ('("pong", payload)', '("pong", text(payload))'),
    ],
    'case/case6_x_x.py': [('v.validate(vss[:i])', 'v.validate(binascii.octets(vss[:i]))')],
    'case/case10_1_1.py': [('len(self.payload) / ', 'len(self.payload) // ')],
}

# What the modules that stay import of the others.
REPLACED = {
    '__init__.py': lambda source: 'from ._version import __version__ as version\n',
    'report.py': lambda source: source.split('from zope.interface')[0],
}


def convert(name, source, tool):
    source = REPLACED.get(name, str)(source).replace('# coding=utf-8', '')
    source = str(tool.refactor_string(source + '\n', str(package / name)))
    if name.startswith('case/'):
        source = source.replace('import binascii', 'from .. import octets as binascii')
        source = source.replace('(object, Case, )', '(Case, )')
    for old, new in CHANGES.get(name, []):
        assert old in source, f'{name}: {old}'
        source = source.replace(old, new)
    return source


package = Path(find_spec('autobahntestsuite').origin).parent
tool = RefactoringTool([f'fissix.fixes.fix_{fixer}' for fixer in FIXERS])
for module in ['__init__', '_version', 'caseset', 'fuzzing', 'report', 'case/*']:
    for path in package.glob(f'{module}.py'):
        # So that a character is an octet, as it was.
        source = path.read_text(encoding='latin-1')
        converted = convert(str(path.relative_to(package)), source, tool)
        path.write_text(converted, encoding='utf-8')
(package / 'octets.py').write_text(sys.argv[1])
