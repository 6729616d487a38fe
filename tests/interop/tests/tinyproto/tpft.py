"""The client's side of tpft on the Python package tinyproto: uploads a file of 9,000,000 bytes and fetches it."""
import json
import sys
import time
import zlib

import tinyproto

CHUNK = 4 * 1024 * 1024
FILE = bytes(range(256)) * 35156 + bytes(64)


class Tpft(tinyproto.TinyProtoConnection):
    def say(self, kind, **letter):
        self.transmit(json.dumps({'type': kind, 'letter': letter}, separators=(',', ':')).encode())

    def hear(self):
        return json.loads(bytes(self.receive()))

    def pre_loop(self):
        self.say('upload-request', file_size=len(FILE), destination_path='/uploaded')
        print(self.hear()['type'], flush=True)
        for start in range(0, len(FILE), CHUNK):
            self.transmit(FILE[start:start + CHUNK])
        print(self.hear()['type'], flush=True)
        self.say('something-new')
        self.say('download-request', download_path='/../secret')
        print(self.hear(), flush=True)
        self.say('download-request', download_path='/uploaded')
        size = self.hear()['letter']['file_size']
        self.say('confirmed')
        file, sizes = bytearray(), []
        while len(file) < size:
            chunk = self.receive()
            sizes.append(len(chunk))
            file += chunk
        self.say('confirmed')
        self.say('close')
        print(sizes, file == FILE, flush=True)


client = tinyproto.TinyProtoClient()
client.set_conn_handler(Tpft)
details = ('127.0.0.1', int(sys.argv[1]))
if hasattr(tinyproto, 'TinyProtoConnectionDetails'):
    details = (tinyproto.TinyProtoConnectionDetails(*details),)
connection = client.connect_to(*details)
while client.active_connections[connection].is_alive():
    time.sleep(0.01)
