"""Recordings to try: real ones of a tenth of a second, and what can be made of them.

libsndfile 1.2.2 wrote the FLAC, the Vorbis, the Opus and the MP3 (by LAME): a tone of 440 Hz in
mono, titled "A title" by "Someone".
"""

from __future__ import annotations

import base64
import io
import struct
import wave

from mutagen.flac import FLAC
from mutagen.id3 import APIC, ID3, TALB, TCON, TDRC, TIT2, TPE1
from mutagen.ogg import OggPage

SECONDS = 0.1
FLAC_RATE, VORBIS_RATE, OPUS_RATE, MP3_RATE = 8000, 8000, 48_000, 22_050

_FLAC = (
    "ZkxhQwAAACIQABAAAAF0AAF0AfQA8AAAAyCPZWIaf1s0mR+nz3ciEerOhAAASyAAAAByZWZlcmVuY2UgbGliRkxBQyAx"
    "LjQuMyAyMDIzMDYyMwIAAAANAAAAdGl0bGU9QSB0aXRsZQ4AAABhcnRpc3Q9U29tZW9uZf/4dAgAAx/3SAAADQIYeiEN"
    "Jbi0r1V8dSIDczgCknvNrSEIgSQuP29JCIIKBST2zuQhEIQoToPfyEQiBElo3D+kEhBCUt7bqEQiCFFTeOmSCIhCKp5m"
    "hqhEIQSJTe20xJARCIlPePooISBESUezcohEIQkk95taQhECSFx+3pIRBBQKSe2dyEIhCFCdB7+QiEQIktG4f0gkIISl"
    "vbdQiEQQoqbx0yQREIRVPM0NUIhCCRKb22mJICIREp7x9FBCQIiSj2blEIhCEknvNrSEIgSQuP29JCIIKBST2zuQhEIQ"
    "oToPfyEQiBElo3D+kEhBCUt7bqEQiCFFTeOmSCIhCKp5mhqhEIQSJTe20xJARCIlPePooISBESUezcohEIQkk95taQhE"
    "CSFx+3pIRBBQKSe2dyEIhCFCdB7+QiEQIktG4f0gkIISlvbdQiEQQoqbx0yQREIRVPM0NUIhCCRKb22mJICIREp7x9FB"
    "CQIiSj2blEDiBA=="
)
_OPUS = (
    "T2dnUwACAAAAAAAAAAAsrh9zAAAAAJFspeIBE09wdXNIZWFkAQE4AUAfAAAAAABPZ2dTAAAAAAAAAAAAACyuH3MBAAAA"
    "+iMB+gT///89T3B1c1RhZ3MLAAAAbGlib3B1cyAxLjQCAAAADQAAAFRJVExFPUEgdGl0bGUOAAAAQVJUSVNUPVNvbWVv"
    "bmUAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAE9nZ1MABPgTAAAAAAAALK4fcwIAAAByfKgVBkMqLDMzHpi076G74PzwDwrEAokTdAQ7kP8JYJyqRSrjEYlf"
    "WfGfT2cejYFukV5gmGJ0SoTJ82ujISdyTIteD7/L7P6Kn+2r6a2YsXKaUufcl84wOZb2ZKGGnvbfHXG1UBg+fCM8c4Rs"
    "HTuIIOUM39AS7a2YrX8Aq4Mpu6boxbJG3+4NUJwyLuBfQKsnFhsaJ4SVANglmXvpj6OSOqY7rZitf0SXPUTPPhGoC9TR"
    "uAvf1uSdYDCGpFQEWg38nVSfh+XDsS3WEL0jkXdyUxFMeLBPrZisrM0f3Kwim/GkkZQU2/PxCLD7jD4BsV2WaT35gCfY"
    "9UBaGPJcq0m2cDMgHQu0FdB1rZDf4ocLH7Enemn72wEFWWtWmJVx0Ua469M/dUjVOQ=="
)
_MP3 = (
    "//OAxAAAAAAAAAAAAFhpbmcAAAAPAAAABgAABOIAWVlZWVlZWVlZWVlZWVlZWYyMjIyMjIyMjIyMjIyMjIyMk5OTk5OT"
    "k5OTk5OTk5OTk6CgoKCgoKCgoKCgoKCgoKCg4ODg4ODg4ODg4ODg4ODg4OD/////////////////////AAAAPExBTUUz"
    "LjEwMARuAAAAAAAAAAAVCCQCoyEAAcwAAATiTpJs/QAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AP/zsMQAIDhmlD9YAAEL1tt27luWztnbO3fn4g5Cw6EssuYRmEJbdMNx43LKSkpKSkpAAPDw8f/wDP/MP//wMzEf/o3/"
    "+YB/8Az/+OAO/ADH/4eAO/ADH/84A7+Ix//sA//zf+YeAAAAAAYeHh4eAAAAAIw8PDx4AAABiMPD3+6B+AGHh4ePAAAA"
    "AEYeHh4AwAEAUcDAUCAAAAgQCAGAaBYYG4FTPhEEy14wCANTCrCuMEorkwMAQDMGIQagYAAORjkgnGCWCga9oJBhFAFG"
    "C2A0zkACIG5IGZYCSBv4Yl4XyCw4LChSJCDncUiHyhq0comj5dMfFlCgiGjmjKskk6PyaHOHOKJFSKmX/+XiLGJdLpkX"
    "i8j//+XS6ZF4vIl1FSSS0f///8umReLyJdNVJJLRal/////9WvSXMUkjJFExSSMq+ABVoAAPl78PsY3CZgI4Rlo2Nymq"
    "+ABUwAAE3LljNa0y4VAXAcuUDRDW//OAxN8tI262/56aYH0KkAMAYADAzDo2F4vDwDAFcYAhH8gEwyYBszJB5vQCLRha"
    "DJu/AJlEcRxZ05joAi6z3INTFcBztQyzLMAuBqQYnUAYmB73QHALgSlcA6WFwIGVBgeuQBxF4GrDeHPIKI/E/ge20BwI"
    "4GnOAb998UqDY+CIGNENvA1EsDIqgNrCAxTkBdJ/D7kiLjE/locYt4GrjAIggUYAZNoCFiAAoABSf8qEXGmaE+O80NyJ"
    "gEowMMgAqYAwZcDEGASGAYcaBiiAC//zEMTtBRA+2wHPAAEC//oTdCmq6mdQBQMD//MgxOUFoFbXAVEAAAAAMsAMAwBg"
    "AdIFmwbGA8wZsLKA40NK/////x2DhHcPA4RxEiMyQf/zkMT1RbwOxv+doG2J0c0gROjmkCJn////tt/8umSzE4dMThmY"
    "mBmswM1oGaYHC7/tuApjSOqOnVC2EqEKLjEYlc+22oahsZhVrLq24L0KhosVDfBV8iVBaWeCp7KgsDQdxEDW8Gj0RFg7"
    "UeBp8GlHpY8IsGlHqjycRdR7g11HuIlMQU1FMy4xMDBVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV"
    "VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV"
    "VVVVVVVVVVVVVVVVVVVVVf/zUMTWFLBueD/PAABVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV"
    "VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV"
    "VVVVVVVVVVVUQUdBIHRpdGxlAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABTb21lb25lAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/w=="
)
_VORBIS = (
    "T2dnUwACAAAAAAAAAACMiIwnAAAAACDCXNkBHgF2b3JiaXMAAAAAAUAfAAAAAAAAcGIAAAAAAACZAU9nZ1MAAAAAAAAA"
    "AAAAjIiMJwEAAACr7jYYC33///////////+1A3ZvcmJpczQAAABYaXBoLk9yZyBsaWJWb3JiaXMgSSAyMDIwMDcwNCAo"
    "UmVkdWNpbmcgRW52aXJvbm1lbnQpAwAAABIAAABFTkNPREVSPWxpYnNuZGZpbGUNAAAAVElUTEU9QSB0aXRsZQ4AAABB"
    "UlRJU1Q9U29tZW9uZQEFdm9yYmlzEkJDVgEAAAEADFIUISUZU0pjCJVSUikFHWNQW0cdY9Q5RiFkEFOISRmle08qlVhK"
    "yBFSWClFHVNMU0mVUpYpRR1jFFNIIVPWMWWhcxRLhkkJJWxNrnQWS+iZY5YxRh1jzlpKnWPWMUUdY1JSSaFzGDpmJWQU"
    "OkbF6GJ8MDqVokIovsfeUukthYpbir3XGlPrLYQYS2nBCGFz7bXV3EpqxRhjjDHGxeJTKILQkFUAAAEAAEAEAUJDVgEA"
    "CgAAwlAMRVGA0JBVAEAGAIAAFEVxFMdxHEeSJMsCQkNWAQBAAAACAAAojuEokiNJkmRZlmVZlqZ5lqi5qi/7ri7rru3q"
    "ug6EhqwEAMgAABiGIYfeScyQU5BJJilVzDkIofUOOeUUZNJSxphijFHOkFMMMQUxhtAphRDUTjmlDCIIQ0idZM4gSz3o"
    "4GLnOBAasiIAiAIAAIxBjCHGkHMMSgYhco5JyCBEzjkpnZRMSiittJZJCS2V1iLnnJROSialtBZSy6SU1kIrBQAABDgA"
    "AARYCIWGrAgAogAAEIOQUkgpxJRiTjGHlFKOKceQUsw5xZhyjDHoIFTMMcgchEgpxRhzTjnmIGQMKuYchAwyAQAAAQ4A"
    "AAEWQqEhKwKAOAEAgyRpmqVpomhpmih6pqiqoiiqquV5pumZpqp6oqmqpqq6rqmqrmx5nml6pqiqnimqqqmqrmuqquuK"
    "qmrLpqvatumqtuzKsm67sqzbnqrKtqm6sm6qrm27smzrrizbuuR5quqZput6pum6quvasuq6su2ZpuuKqivbpuvKsuvK"
    "tq3Ksq5rpum6oqvarqm6su3Krm27sqz7puvqturKuq7Ksu7btq77sq0Lu+i6tq7Krq6rsqzrsi3rtmzbQsnzVNUzTdf1"
    "TNN1Vde1bdV1bVszTdc1XVeWRdV1ZdWVdV11ZVv3TNN1TVeVZdNVZVmVZd12ZVeXRde1bVWWfV11ZV+Xbd33ZVnXfdN1"
    "dVuVZdtXZVn3ZV33hVm3fd1TVVs3XVfXTdfVfVvXfWG2bd8XXVfXVdnWhVWWdd/WfWWYdZ0wuq6uq7bs66os676u68Yw"
    "67owrLpt/K6tC8Or68ax676u3L6Patu+8Oq2Mby6bhy7sBu/7fvGsamqbZuuq+umK+u6bOu+b+u6cYyuq+uqLPu66sq+"
    "b+u68Ou+Lwyj6+q6Ksu6sNqyr8u6Lgy7rhvDatvC7tq6cMyyLgy37yvHrwtD1baF4dV1o6vbxm8Lw9I3dr4AAIABBwCA"
    "ABPKQKEhKwKAOAEABiEIFWMQKsYghBBSCiGkVDEGIWMOSsYclBBKSSGU0irGIGSOScgckxBKaKmU0EoopaVQSkuhlNZS"
    "ai2m1FoMobQUSmmtlNJaaim21FJsFWMQMuekZI5JKKW0VkppKXNMSsagpA5CKqWk0kpJrWXOScmgo9I5SKmk0lJJqbVQ"
    "SmuhlNZKSrGl0kptrcUaSmktpNJaSam11FJtrbVaI8YgZIxByZyTUkpJqZTSWuaclA46KpmDkkopqZWSUqyYk9JBKCWD"
    "jEpJpbWSSiuhlNZKSrGFUlprrdWYUks1lJJaSanFUEprrbUaUys1hVBSC6W0FkpprbVWa2ottlBCa6GkFksqMbUWY22t"
    "xRhKaa2kElspqcUWW42ttVhTSzWWkmJsrdXYSi051lprSi3W0lKMrbWYW0y5xVhrDSW0FkpprZTSWkqtxdZaraGU1koq"
    "sZWSWmyt1dhajDWU0mIpKbWQSmyttVhbbDWmlmJssdVYUosxxlhzS7XVlFqLrbVYSys1xhhrbjXlUgAAwIADAECACWWg"
    "0JCVAEAUAABgDGOMQWgUcsw5KY1SzjknJXMOQggpZc5BCCGlzjkIpbTUOQehlJRCKSmlFFsoJaXWWiwAAKDAAQAgwAZN"
    "icUBCg1ZCQBEAQAgxijFGITGIKUYg9AYoxRjECqlGHMOQqUUY85ByBhzzkEpGWPOQSclhBBCKaWEEEIopZQCAAAKHAAA"
    "AmzQlFgcoNCQFQFAFAAAYAxiDDGGIHRSOikRhExKJ6WREloLKWWWSoolxsxaia3E2EgJrYXWMmslxtJiRq3EWGIqAADs"
    "wAEA7MBCKDRkJQCQBwBAGKMUY845ZxBizDkIITQIMeYchBAqxpxzDkIIFWPOOQchhM455yCEEELnnHMQQgihgxBCCKWU"
    "0kEIIYRSSukghBBCKaV0EEIIoZRSCgAAKnAAAAiwUWRzgpGgQkNWAgB5AACAMUo5JyWlRinGIKQUW6MUYxBSaq1iDEJK"
    "rcVYMQYhpdZi7CCk1FqMtXYQUmotxlpDSq3FWGvOIaXWYqw119RajLXm3HtqLcZac865AADcBQcAsAMbRTYnGAkqNGQl"
    "AJAHAEAgpBRjjDmHlGKMMeecQ0oxxphzzinGGHPOOecUY4w555xzjDHnnHPOOcaYc84555xzzjnnoIOQOeecc9BB6Jxz"
    "zjkIIXTOOecchBAKAAAqcAAACLBRZHOCkaBCQ1YCAOEAAIAxlFJKKaWUUkqoo5RSSimllFICIaWUUkoppZRSSimllFJK"
    "KaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRSSimllFJKKaWUUkoppZRS"
    "SimllFJKKaWUUkoppZRSSimllFJKKZVSSimllFJKKaWUUkoppQAg3woHAP8HG2dYSTorHA0uNGQlABAOAAAYwxiEjDkn"
    "JaWGMQildE5KSSU1jEEopXMSUkopg9BaaqWk0lJKGYSUYgshlZRaCqW0VmspqbWUUigpxRpLSqml1jLnJKSSWkuttpg5"
    "B6Wk1lpqrcUQQkqxtdZSa7F1UlJJrbXWWm0tpJRaay3G1mJsJaWWWmupxdZaTKm1FltLLcbWYkutxdhiizHGGgsA4G5w"
    "AIBIsHGGlaSzwtHgQkNWAgAhAQAEMko555yDEEIIIVKKMeeggxBCCCFESjHmnIMQQgghhIwx5yCEEEIIoZSQMeYchBBC"
    "CCGEUjrnIIRQSgmllFJK5xyEEEIIpZRSSgkhhBBCKKWUUkopIYQQSimllFJKKSWEEEIopZRSSimlhBBCKKWUUkoppZQQ"
    "QiillFJKKaWUEkIIoZRSSimllFJCCKWUUkoppZRSSighhFJKKaWUUkoJJZRSSimllFJKKSGUUkoppZRSSimlAACAAwcA"
    "gAAj6CSjyiJsNOHCAxAAAAACAAJMAIEBgoJRCAKEEQgAAAAAAAgA+AAASAqAiIho5gwOEBIUFhgaHB4gIiQAAAAAAAAA"
    "AAAAAAAET2dnUwAEIAMAAAAAAACMiIwnAgAAADY6QBYFFxUVGBaSl5m3yisA+KfJAAAAabbLOss6vco3Ip6YmXM3XgHA"
    "d1UAAACAkEJebG9pAJ6YmXOnzAMAAAAAUAYAIFSoNM20EZaXmVnhFQD2zoQBAMAGaVz0/amRu47/AXLIk0CIrzewRIAG"
    "APAWuoY1bd42zQY="
)


def flac() -> bytes:
    """16 bits at 8 kHz."""
    return base64.b64decode(_FLAC)


def vorbis() -> bytes:
    """Ogg Vorbis at 8 kHz."""
    return base64.b64decode(_VORBIS)


def opus() -> bytes:
    """Ogg Opus, recorded at 8 kHz."""
    return base64.b64decode(_OPUS)


def mp3() -> bytes:
    """MPEG 2 layer III at 22.05 kHz, with LAME's header and an ID3v1 tag."""
    return base64.b64decode(_MP3)


def wav(
    samples: int = 800, channels: int = 1, width_bytes: int = 2, rate: int = 8000, last: bytes = b""
) -> bytes:
    """PCM as Python's `wave` writes it; silence that ends in `last`."""
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width_bytes)
        sound.setframerate(rate)
        sound.writeframes((bytes(samples * channels * width_bytes) + last)[len(last) :])
    return target.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    """One RIFF chunk."""
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def riff(*chunks: bytes, form: bytes = b"WAVE", length: int | None = None) -> bytes:
    """A RIFF of these chunks, whose length is told as `length`."""
    content = form + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content) if length is None else length) + content


def pcm_format(channels: int = 1, rate: int = 8000, bits: int = 16, number: int = 1) -> bytes:
    """A "fmt " chunk."""
    block = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", number, channels, rate, rate * block, block, bits))


def info_list(**tags: str) -> bytes:
    """A LIST of INFO tags: `info_list(INAM="A title")`."""
    inner = [chunk(name.encode(), value.encode() + b"\0") for name, value in tags.items()]
    return chunk(b"LIST", b"INFO" + b"".join(inner))


def id3(version: int = 4, encoding: int = 3, title: str = "A title", picture: int = 0) -> bytes:
    """An ID3v2 tag as mutagen writes it, with a picture of that many bytes."""
    tag = ID3()
    tag.add(TIT2(encoding=encoding, text=[title]))
    tag.add(TPE1(encoding=encoding, text=["Someone"]))
    tag.add(TALB(encoding=encoding, text=["An album"]))
    tag.add(TDRC(encoding=encoding, text=["2021-02-03"]))
    tag.add(TCON(encoding=encoding, text=["(17)"]))
    if picture:
        tag.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=bytes(picture)))
    target = io.BytesIO()
    tag.save(target, v2_version=version)
    return target.getvalue()


def id3v1(title: bytes = b"A title") -> bytes:
    """The old tag of 128 bytes."""
    return (b"TAG" + title.ljust(30, b"\0") + b"Someone").ljust(127, b"\0") + b"\x11"


def mp3_frames(count: int) -> bytes:
    """Silent frames: MPEG 1 layer III, 128 kbit/s, 44.1 kHz; 1152 samples in 417 bytes each."""
    return (b"\xff\xfb\x90\x00" + bytes(413)) * count


def tagged_flac(**tags: str) -> bytes:
    """The FLAC with these comments instead of its own."""
    target = io.BytesIO(flac())
    sound = FLAC(target)
    sound.clear()
    sound.update(tags)
    target.seek(0)
    sound.save(target)
    return target.getvalue()


def pages(*packets: bytes, length: int = 0, serial: int = 1, is_whole: bool = True) -> bytes:
    """An Ogg stream: the first packet on a page alone, `length` on the last page."""
    made = [OggPage.from_packets([packets[0]])[0], *OggPage.from_packets(list(packets[1:]), 1)]
    for page in made:
        page.serial, page.position = serial, 0
    made[0].first, made[-1].last, made[-1].position = True, is_whole, length
    return b"".join(page.write() for page in made)


def comments(*pairs: bytes) -> bytes:
    """Vorbis comments, without a frame bit."""
    entries = [struct.pack("<I", len(pair)) + pair for pair in pairs]
    return struct.pack("<I", 4) + b"made" + struct.pack("<I", len(pairs)) + b"".join(entries)


def ogg_flac() -> bytes:
    """The FLAC's only frame in an Ogg (RFC 9639, 10.1)."""
    whole = flac()
    frame = whole[whole.rindex(b"\xff\xf8") :]
    start = b"\x7fFLAC\x01\x00\x00\x01fLaC" + whole[4:42].replace(b"\x80", b"\0", 1)
    block = comments(b"TITLE=A title", b"ARTIST=Someone")
    return pages(start, b"\x84" + len(block).to_bytes(3, "big") + block, frame, length=800)


def speex(rate: int = 8000, length: int = 800) -> bytes:
    """A Speex header, comments and a packet of nothing (there is no encoder at hand)."""
    head = b"Speex   ".ljust(28, b"\0") + struct.pack("<IIIIIIi", 1, 80, rate, 0, 4, 1, -1)
    tags = comments(b"title=A title", b"artist=Someone")
    return pages(head.ljust(80, b"\0"), tags, bytes(20), length=length)
