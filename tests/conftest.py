from hypothesis import settings

# A machine that does other work too makes single examples slow, not wrong.
settings.register_profile("gptpath", deadline=None)
settings.load_profile("gptpath")
