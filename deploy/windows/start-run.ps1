# A run of School Data Sync from Windows, called by the task of task.xml.
# The folder C:\ProgramData\industrydata has this file, the program, and certificate.pem with the key and the certificate
# of the application. Only administrators and the account of the task may read it.

$ErrorActionPreference = 'Stop'
$folder = 'C:\ProgramData\industrydata'

$env:AZURE_TENANT_ID = '00000000-0000-0000-0000-000000000000'
$env:AZURE_CLIENT_ID = '00000000-0000-0000-0000-000000000000'
$env:AZURE_CLIENT_CERTIFICATE_PATH = "$folder\certificate.pem"
$env:INDUSTRYDATA_LEDGER = "$folder\ledger.sqlite"

# One key a day: another try continues the start of that day.
$key = 'nightly-' + (Get-Date).ToUniversalTime().ToString('yyyy-MM-dd')

# 6: the service was not reached. 7: the time limit passed. A retry changes nothing about the other codes.
$again = 6, 7
foreach ($try in 1..3) {
    & "$folder\industrydata.exe" start --credential certificate --key $key --follow --timeout 6h --output json |
        Out-File -FilePath "$folder\last.json" -Encoding utf8
    $code = $LASTEXITCODE
    if ($again -notcontains $code) { break }
    Start-Sleep -Seconds 600
}
exit $code
