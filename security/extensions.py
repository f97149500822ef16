"""Extensions of names that a system runs, opens or unpacks: programs, scripts, archives.

No Django here: the processors, which run without it, read these too.
"""

from __future__ import annotations

# A name with one of these as an inner suffix is refused, whatever its last one is.
DANGEROUS_EXTENSIONS = frozenset(
    [
        *("asp", "aspx", "cgi", "hta", "htaccess", "htm", "html", "jsp", "jspx", "shtml"),
        *("php", "php3", "php4", "php5", "php7", "phps", "pht", "phtml", "phar"),
        *("ashx", "asmx", "cer", "php8", "phtm", "shtm", "vb", "wsh", "psm1", "jse"),
        *("cpl", "htc", "reg", "xsl"),
        *("svg", "svgz", "swf", "xht", "xhtml", "xml"),
        *("js", "mjs", "pl", "ps1", "py", "rb", "sh", "vbe", "vbs", "wsf"),
        *("bat", "cmd", "com", "dll", "exe", "jar", "lnk", "msi", "scr"),
    ]
)

# Inside an archive, other archives and images of disks hide what they hold.
ARCHIVE_EXTENSIONS = frozenset(
    [
        *("7z", "ace", "arj", "bz2", "cab", "cpio", "gz", "lha", "lz", "lz4", "lzh", "lzma"),
        *("rar", "tar", "tbz", "tbz2", "tgz", "txz", "xz", "z", "zip", "zipx", "zst"),
        *("apk", "appx", "crx", "deb", "dmg", "ear", "img", "iso", "msix", "pkg", "rpm"),
        *("vhd", "vhdx", "war", "whl", "xpi"),
    ]
)
# Programs, scripts, shortcuts and documents with macros that a name of ours cannot have anyway.
PROGRAM_EXTENSIONS = frozenset(
    [
        *("app", "appimage", "application", "appref-ms", "bash", "bin", "chm", "class", "command"),
        *(
            "csh",
            "diagcab",
            "drv",
            "elf",
            "fish",
            "gadget",
            "hlp",
            "inf",
            "ins",
            "ksh",
            "library-ms",
        ),
        *("mht", "mhtml", "msc", "msp", "mst", "ocx", "pif", "ps1xml", "psd1", "run", "scf", "sct"),
        *("search-ms", "settingcontent-ms", "so", "sys", "url", "workflow", "ws", "wsc", "xbap"),
        *("xll", "zsh"),
        *("docm", "dotm", "potm", "ppam", "ppsm", "pptm", "sldm", "xlam", "xlsb", "xlsm", "xltm"),
    ]
)
