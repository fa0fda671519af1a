"""`milepost decode`: what a hex frame says, byte by byte; with the node's key and its HELLO and WELCOME, the plaintext too.

lines.py is what an explanation is made of, frame.py explains what stands on the line, packet.py what a packet says,
blocks.py and fronts.py what is inside it, conversation.py holds keys and sessions, command.py is the command.
"""
