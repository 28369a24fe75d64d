/* Does to the icon what a user or the taskbar would: `poke choose NUMBER` chooses from its menu, `poke taskbar` says to all windows
   that the taskbar is a new one. Under Wine 8 a click does not get through: it does not tell where an icon is. */
#include <stdlib.h>
#include <string.h>
#include <windows.h>

int main(int count, char **words) {
    HWND icon = FindWindowA("tray_icon_app", NULL);
    if (!icon || count < 2) return 1;
    if (!strcmp(words[1], "choose") && count > 2) return !PostMessageA(icon, WM_COMMAND, atoi(words[2]), 0);
    return !PostMessageA(HWND_BROADCAST, RegisterWindowMessageA("TaskbarCreated"), 0, 0);
}
