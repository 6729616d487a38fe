# Drives Chromium by ChromeDriver's interface (W3C WebDriver). Each line of standard input is a command, an array of JSON, and
# each is answered by a line: "ok" or "error", and JSON. The end of standard input ends browser and driver, so they do not outlive
# whoever holds the other end, whatever becomes of that.
import base64, json, os, re, signal, subprocess, sys, tempfile, urllib.error, urllib.request

PATIENCE = 50
ARGUMENTS = """--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-dev-shm-usage --no-proxy-server""".split()


class Driver:
    def __init__(self):
        # Chromium stays in the driver's process group, which ends as a whole.
        self.process = subprocess.Popen(['chromedriver', '--port=0'], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, text=True)
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def begin(self, profile):
        for line in self.process.stdout:
            if started := re.search(r'started successfully on port (\d+)', line):
                self.url = f'http://127.0.0.1:{started[1]}/session'
                break
        options = {'args': [*ARGUMENTS, f'--user-data-dir={profile}']}
        capabilities = {'browserName': 'chrome', 'acceptInsecureCerts': True, 'goog:chromeOptions': options}
        session = self.call('POST', '', {'capabilities': {'alwaysMatch': capabilities}})
        self.url += '/' + session['sessionId']

    def end(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {'Content-Type': 'application/json'}, method=method)
        try:
            with self.opener.open(request, timeout=PATIENCE) as answer:
                return json.load(answer)['value']
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)['value']['message'].splitlines()[0]) from None

    def open(self, url):
        self.call('POST', '/url', {'url': url})

    def run(self, script):
        return self.call('POST', '/execute/sync', {'script': script, 'args': []})

    def type(self, selector, text):
        element = self.call('POST', '/element', {'using': 'css selector', 'value': selector})
        self.call('POST', f'/element/{next(iter(element.values()))}/value', {'text': text})

    def devtools(self, command, parameters):
        self.call('POST', '/goog/cdp/execute', {'cmd': command, 'params': json.loads(parameters)})

    def screenshot(self, path):
        with open(path, 'wb') as file:
            file.write(base64.b64decode(self.call('GET', '/screenshot')))


def obey(driver):
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        try:
            print('ok', json.dumps(getattr(driver, command)(*arguments)), flush=True)
        except Exception as error:
            print('error', json.dumps(str(error)), flush=True)


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    driver = Driver()
    try:
        driver.begin(profile)
        obey(driver)
    finally:
        driver.end()
