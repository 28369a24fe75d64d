@echo off
rem Installs Ollama Tap as a service of Windows: for a double-click. What lies beside it is installed (ollama-tap.exe, as in a
rem release's .zip), else the newest release. Options are those of install.ps1: install_service.bat -Tray
setlocal DisableDelayedExpansion
set "script=%~dp0install.ps1"
if not exist "%script%" set "script=%~dp0..\..\install.ps1"
if exist "%~dp0ollama-tap.exe" if not defined OLLAMA_TAP_FROM set "OLLAMA_TAP_FROM=%~dp0ollama-tap.exe"
rem A PowerShell 7 that started this would have Windows PowerShell look for its modules in the wrong place.
set "PSModulePath="
rem The script asks for an administrator itself, and only for the part that needs one.
"%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -ExecutionPolicy Bypass -File "%script%" -Service %*
set "code=%errorlevel%"
echo.
if "%code%"=="0" (echo Done.) else (echo It failed: see above.)
pause
exit /b %code%
