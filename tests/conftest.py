import signal

from hypothesis import settings

# A shell starts what it sends to the background deaf to interrupts, and that would be inherited by
# every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that does other work too makes single examples slow, not wrong.
settings.register_profile("gptpath", deadline=None)
settings.load_profile("gptpath")
