"""What the suite needs to run under Python 3.

Its texts are octets, as they were under Python 2: its sources are read as Latin-1, so a character is an octet. They become bytes
where the libraries want bytes, and bytes that come become text.
"""
import binascii


def octets(text):
    return text.encode('latin-1') if isinstance(text, str) else text


def text(octets):
    return octets.decode('latin-1') if isinstance(octets, bytes) else octets


def b2a_hex(data):
    return text(binascii.b2a_hex(octets(data)))


hexlify = b2a_hex


class Sending:
    def sendFrame(self, opcode, payload=b'', *, payload_len=None, **more):
        payload = octets(payload)
        if payload_len is not None:
            # The library, which would do it, divides as Python 2 does.
            payload = (payload * (payload_len // len(payload) + 1))[:payload_len]
        super().sendFrame(opcode, payload, **more)

    def sendMessage(self, payload, *more, **named):
        super().sendMessage(octets(payload), *more, **named)

    def sendMessageFrameData(self, payload, *more, **named):
        super().sendMessageFrameData(octets(payload), *more, **named)

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        super().sendCloseFrame(code, octets(reasonUtf8), isReply)
