/* Asks Windows about the resources of the program that this becomes. It stands on no C runtime, so that it is compiled quickly. */
#include <windows.h>

static HANDLE output;

static void say(const char *format, ...)
{
    char line[1024];
    DWORD written;
    va_list values;
    va_start(values, format);
    int length = wvsprintfA(line, format, values);
    va_end(values);
    WriteFile(output, line, length, &written, NULL);
}

void ask(void)
{
    static char path[1024], version[65536], copy[256];
    char *text;
    UINT length;
    VS_FIXEDFILEINFO *fixed;
    ICONINFO icon;
    BITMAP bitmap;
    HRSRC found;

    output = GetStdHandle(STD_OUTPUT_HANDLE);
    GetModuleFileNameA(NULL, path, sizeof path);
    if (GetFileVersionInfoA(path, 0, sizeof version, version)) {
        if (VerQueryValueA(version, "\\", (void **)&fixed, &length))
            say("version %08x%08x\n", fixed->dwFileVersionMS, fixed->dwFileVersionLS);
        if (VerQueryValueA(version, "\\VarFileInfo\\Translation", (void **)&text, &length))
            say("language %08x\n", *(unsigned *)text);
        if (VerQueryValueA(version, "\\StringFileInfo\\040904b0\\CompanyName", (void **)&text, &length))
            say("company %s\n", text);
        if (VerQueryValueA(version, "\\StringFileInfo\\040904b0\\FileDescription", (void **)&text, &length))
            say("description %s\n", text);
    } else {
        say("no version\n");
    }
    say("code page %u\n", GetACP());
    say("dpi awareness %d\n", GetAwarenessFromDpiAwarenessContext(GetThreadDpiAwarenessContext()));
    for (int size = 16; size <= 256; size *= 2) {
        HICON handle = LoadImageA(GetModuleHandleA(NULL), MAKEINTRESOURCEA(1), IMAGE_ICON, size, size, 0);
        if (handle && GetIconInfo(handle, &icon) && GetObjectA(icon.hbmColor, sizeof bitmap, &bitmap))
            say("icon %d: %d bits\n", bitmap.bmWidth, bitmap.bmBitsPixel);
        else
            say("no icon\n");
    }
    found = FindResourceA(NULL, "Name", "Other");
    if (found && SizeofResource(NULL, found) < sizeof copy) {
        RtlMoveMemory(copy, LockResource(LoadResource(NULL, found)), SizeofResource(NULL, found));
        say("other %s\n", copy);
    }
    ExitProcess(7);
}
