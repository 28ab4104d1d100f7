"Messages of MIDI files, as the tests write them."

import mido


def on(pitch, time=0, velocity=64, channel=0):
    return mido.Message("note_on", note=pitch, velocity=velocity, time=time, channel=channel)


def off(pitch, time=0, channel=0):
    return mido.Message("note_off", note=pitch, time=time, channel=channel)
