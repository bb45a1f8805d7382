@echo off
rem Made by opp-analytics schedule; beside the org file; it has not run on Windows yet. In PowerShell:
rem schtasks /Create /TN "Pipeline record" /TR "'C:\our sales\opp-schedule.cmd' record" /SC DAILY /ST @record_at@
rem schtasks /Create /TN "Weekly forecast" /TR "'C:\our sales\opp-schedule.cmd' report" /SC WEEKLY /D MON /ST @report_at@
rem secrets.cmd holds lines such as: set "BLOCKS_API_KEY=..."
chcp 65001 >nul
cd /d "%~dp0"
if exist secrets.cmd call secrets.cmd
for %%n in (@needs@) do if not defined %%n (
    echo opp-schedule.cmd: %%n is not set: secrets.cmd lacks it, and so does the environment>>opp-schedule.log
    exit /b 1
)
if "%~1"=="report" goto report
@program@ @record@ >>opp-schedule.log 2>&1
if errorlevel 1 exit /b %errorlevel%
@alerts@ >>opp-schedule.log 2>&1
goto end
:report
@program@ @report@ >>opp-schedule.log 2>&1
:end
if %errorlevel%==3 exit /b 0
exit /b %errorlevel%
