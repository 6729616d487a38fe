"""The echo of tinyproto's documentation."""
import sys

import tinyproto


class Echo(tinyproto.TinyProtoConnection):
    def transmission_received(self, msg):
        if msg == b'QUIT':
            self.shutdown = True
        else:
            self.transmit(b'Echo back: ' + msg)


class Server(tinyproto.TinyProtoServer):
    def pre_loop(self):
        print('listening')


port = int(sys.argv[1])
if hasattr(tinyproto, 'TinyProtoConnectionDetails'):
    server = Server([tinyproto.TinyProtoConnectionDetails('127.0.0.1', port)], Echo)
else:
    server = Server()
    server.set_conn_handler(Echo)
    server.add_addr('127.0.0.1', port)
server.start()
