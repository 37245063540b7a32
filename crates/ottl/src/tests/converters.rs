//! What each converter yields.

use super::{Bench, values};
use crate::Context;

#[test]
fn types() {
    values(
        r#"{"i":1,"d":1.5,"s":"x","b":true,"m":{"z":1,"a":[1]},"l":[1,2]}"#,
        "",
        &[
            ("IsInt(attributes[\"i\"])", "true"),
            ("IsInt(attributes[\"d\"])", "false"),
            ("IsInt(nil)", "false"),
            ("IsDouble(attributes[\"d\"])", "true"),
            ("IsString(attributes[\"s\"])", "true"),
            ("IsBool(attributes[\"b\"])", "true"),
            ("IsMap(attributes[\"m\"])", "true"),
            ("IsList(attributes[\"l\"])", "true"),
            ("IsMap(attributes[\"none\"])", "false"),
            ("Int(1.9)", "1"),
            ("Int(-1.9)", "-1"),
            ("Int(\"42\")", "42"),
            ("Int(\"2.0\")", "null"),
            ("Int(true)", "1"),
            ("Int(nil)", "null"),
            ("Int(attributes[\"m\"])", "!unsupported type: map"),
            ("Double(\"1.5\")", "1.5"),
            ("Double(3)", "3"),
            ("Double(true)", "1"),
            ("Double(\"x\")", "!`x` is no number"),
            ("Bool(\"t\")", "true"),
            ("Bool(\"False\")", "false"),
            ("Bool(0)", "false"),
            ("Bool(2.5)", "true"),
            ("Bool(\"yes\")", "!neither true nor false"),
            ("String(attributes[\"m\"])", r#""{\"a\":[1],\"z\":1}""#),
            ("String(1.0)", r#""1""#),
            ("String(1.5)", r#""1.5""#),
            ("String(true)", r#""true""#),
            ("String(0xAb01)", r#""ab01""#),
            ("String(nil)", "null"),
            (
                "String(TraceID(0x000000000000000000000000000000ff))",
                r#""[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,255]""#,
            ),
            ("Hex(\"ab\")", r#""6162""#),
            ("Hex(255)", r#""00000000000000ff""#),
            ("Hex(true)", r#""01""#),
            ("Hex(1.5)", r#""3ff8000000000000""#),
            ("ParseInt(\"ff\", 16)", "255"),
            ("ParseInt(\"-12\", 10)", "-12"),
            ("ParseInt(\"0x1F\", 0)", "31"),
            ("ParseInt(\"0b101\", 0)", "5"),
            ("ParseInt(\"8\", 8)", "!no integer of base 8"),
            ("ParseInt(\"1\", 1)", "!invalid base"),
            ("Coalesce([attributes[\"none\"], \"a\", \"b\"])", r#""a""#),
            ("Coalesce([nil])", "null"),
            ("Len(\"é\")", "2"),
            ("Len(attributes[\"l\"])", "2"),
            ("Len(attributes[\"m\"])", "2"),
            ("Len(1)", "!expected a string, list or map"),
            ("Log(1)", "0"),
            ("Log(0)", "!above 0"),
            ("SpanID(0x01)", "!8 bytes"),
        ],
    );
}

#[test]
fn texts() {
    values(
        r#"{"s":"Hello World","n":null}"#,
        "",
        &[
            ("Concat([\"a\", 1, 2.5, true, nil, 0x01], \"-\")", r#""a-1-2.5-true-<nil>-01""#),
            ("Concat([], \"-\")", r#""""#),
            ("Split(\"a|b|c\", \"|\")", r#"["a","b","c"]"#),
            ("Split(\"abc\", \"\")", r#"["a","b","c"]"#),
            ("Substring(\"123456789\", 3, 3)", r#""456""#),
            ("Substring(\"123\", 0, 4)", "!out of range"),
            ("Substring(\"123\", -1, 1)", "!cannot be negative"),
            ("Substring(\"123\", 0, 0)", "!must be above 0"),
            ("Substring(\"aéb\", 0, 2, true)", r#""a""#),
            ("Trim(\" a \")", r#""a""#),
            ("Trim(\"xxaxx\", \"x\")", r#""a""#),
            ("TrimPrefix(\"prod-a\", \"prod-\")", r#""a""#),
            ("TrimSuffix(\"a.log\", \".log\")", r#""a""#),
            ("HasPrefix(attributes[\"s\"], \"Hello\")", "true"),
            ("HasSuffix(attributes[\"s\"], \"x\")", "false"),
            ("HasPrefix(nil, \"x\")", "!"),
            ("IsMatch(attributes[\"s\"], \"o W\")", "true"),
            ("IsMatch(nil, \"x\")", "false"),
            ("IsMatch(200, \"^2..$\")", "true"),
            ("IsMatch({\"a\": 1}, \"\\\"a\\\":1\")", "true"),
            ("IsValidLuhn(\"17893729974\")", "true"),
            ("IsValidLuhn(\"17893729975\")", "false"),
            ("IsValidLuhn(\"12a\")", "false"),
            ("ConvertCase(\"simpleString\", \"snake\")", r#""simple_string""#),
            ("ConvertCase(\"simple_string\", \"camel\")", r#""SimpleString""#),
            ("ConvertCase(\"Ab\", \"upper\")", r#""AB""#),
            ("ConvertCase(\"Ab\", \"lower\")", r#""ab""#),
            ("ToSnakeCase(\"HTTPServer name\")", r#""http_server_name""#),
            ("ToCamelCase(\"some-http value\")", r#""SomeHttpValue""#),
            ("ToLowerCase(\"ÄB\")", r#""äb""#),
            ("ToUpperCase(\"äb\")", r#""ÄB""#),
            ("Base64Encode(\"hello world\")", r#""aGVsbG8gd29ybGQ=""#),
            ("Base64Encode(\"a?>\", \"base64-url\")", r#""YT8-""#),
            ("Base64Encode(\"a\", \"base64-raw\")", r#""YQ""#),
            ("Base64Encode(\"a\", \"rot13\")", "!unsupported base64 variant"),
            ("Base64Decode(\"aGVsbG8gd29ybGQ=\")", r#""hello world""#),
            ("Base64Decode(\"a\")", "!illegal base64 data"),
            ("Decode(\"aGVsbG8\", \"base64-raw\")", r#""hello""#),
            ("Decode(\"YT8-\", \"base64-url\")", r#""a?>""#),
            ("Decode(0xe9, \"iso-8859-1\")", r#""é""#),
            ("Decode(0x6100e900, \"utf-16le\")", r#""aé""#),
            ("Decode(\"x\", \"klingon\")", "!unsupported encoding"),
            ("Format(\"%s-%d-%05d|%x|%v\", [\"a\", 1, 42, 255, true])", r#""a-1-00042|ff|true""#),
            (
                "Format(\"%.2f %5s|%-5s| %q %t %%\", [1.0, \"a\", \"b\", \"c\", false])",
                r#""1.00     a|b    | \"c\" false %""#,
            ),
            ("Format(\"%d\", [\"x\"])", r#""%!d(string=x)""#),
            ("Format(\"%d %d\", [1])", r#""1 %!d(MISSING)""#),
            ("Format(\"a\", [\"x\"])", r#""a%!(EXTRA string=x)""#),
            ("Format(\"%+d % d %08.3f\", [5, 5, 3.14159])", r#""+5  5 0003.142""#),
        ],
    );
}

#[test]
fn hashes() {
    values(
        "",
        "",
        &[
            (
                "SHA256(\"hello world\")",
                r#""b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9""#,
            ),
            ("SHA1(\"hello world\")", r#""2aae6c35c94fcfb415dbe95f408b9ce91ee846ed""#),
            ("MD5(\"hello world\")", r#""5eb63bbbe01eeed093cb22bb8f5acdc3""#),
            ("Len(SHA512(\"\"))", "128"),
            ("FNV(\"hello world\")", "8618312879776256743"),
            ("Murmur3Hash(\"test\")", r#""13d26bba""#),
            ("Len(Murmur3Hash128(\"test\"))", "32"),
            ("XXH3(\"\")", r#""2d06800538d394c2""#),
            ("XXH128(\"\")", r#""99aa06d3014798d86001c324468d497f""#),
            ("SHA256(1)", "!must be a string"),
            ("Len(UUID())", "36"),
            ("Substring(UUIDv7(), 0, 13)", r#""018bcfe5-6800""#),
        ],
    );
}

#[test]
fn times() {
    values(
        "",
        "",
        &[
            (
                r#"UnixNano(Time("2023-05-26 12:34:56.789+0200", "%Y-%m-%d %H:%M:%S.%L%z"))"#,
                "1685097296789000000",
            ),
            (r#"UnixSeconds(Time("10/May/2000:13:55:36 -0700", "%d/%b/%Y:%H:%M:%S %z"))"#, "957992136"),
            (
                r#"UnixSeconds(Time("Wed, 21 Oct 2015 07:28:00 GMT", "%a, %d %b %Y %H:%M:%S %Z"))"#,
                "1445412480",
            ),
            (r#"UnixSeconds(Time("2023-07-01 12:00", "%F %R", "America/New_York"))"#, "1688227200"),
            (r#"UnixSeconds(Time("2023-01-01 12:00", "%F %R", "America/New_York"))"#, "1672592400"),
            (r#"Hour(Time("2023-01-01 12:00", "%F %R", "America/New_York"))"#, "12"),
            (r#"UnixSeconds(Time("2/4/12 11:07:08 PM", "%q/%g/%y %I:%M:%S %p", "UTC"))"#, "1328396828"),
            (r#"UnixSeconds(Time("2023-05-26T12:34:56-07:00", "%FT%T%j"))"#, "1685129696"),
            (r#"UnixMilli(Time("1970-01-01 00:00:01.25", "%F %T", "UTC"))"#, "1250"),
            (r#"UnixMicro(Unix(1, 2000))"#, "1000002"),
            (r#"Time("2023-02-30", "%F", "UTC")"#, "!no time there is"),
            (r#"Time("nope", "%F", "UTC")"#, "!not of the time format"),
            (r#"Time("2023-02-01x", "%F", "UTC")"#, "!extra text"),
            (r#"Time("", "%F", "UTC")"#, "!not of the time format"),
            (r#"Year(Time("12:00", "%R", "UTC"))"#, "0"),
            (
                r#"FormatTime(Unix(1685097296, 789012345), "%Y-%m-%d %H:%M:%S.%L %f %s %b %B %a %A %e %I %p %j %z")"#,
                r#""2023-05-26 10:34:56.789 789012 789012345 May May Fri Friday 26 10 AM +00:00 +0000""#,
            ),
            (
                r#"FormatTime(Unix(0), "%D %T %R %y %l%P %Z %%")"#,
                r#""01/01/70 00:00:00 00:00 70 12am UTC %""#,
            ),
            (
                r#"FormatTime(Time("2023-01-01 12:00", "%F %R", "America/New_York"), "%H %z %j")"#,
                r#""12 -0500 -05:00""#,
            ),
            ("UnixSeconds(Now())", "1700000000"),
            ("Year(Now())", "2023"),
            ("Month(Now())", "11"),
            ("Day(Now())", "14"),
            ("Hour(Now())", "22"),
            ("Minute(Now())", "13"),
            ("Second(Now())", "20"),
            ("Nanosecond(Unix(1, 5))", "5"),
            ("Weekday(Now())", "2"),
            ("Hours(Duration(\"1h30m\"))", "1.5"),
            ("Minutes(Duration(\"90s\"))", "1.5"),
            ("Seconds(Duration(\"1500ms\"))", "1.5"),
            ("Milliseconds(Duration(\"1.5s\"))", "1500"),
            ("Microseconds(Duration(\"-2ms\"))", "-2000"),
            ("Nanoseconds(Duration(\"3us\"))", "3000"),
            ("Duration(\"3\")", "!no duration"),
            ("UnixSeconds(TruncateTime(Now(), Duration(\"1h\")))", "1699999200"),
            ("UnixSeconds(\"x\")", "!must be a time"),
            (r#"Format("%v", [Duration("1h15m30.5s")])"#, r#""1h15m30.5s""#),
        ],
    );
}

#[test]
fn parsing() {
    values(
        r#"{"kv":"k1=v1 k2='a b' k3=\"x=y\"","csv":"1,\"a,b\",3"}"#,
        "",
        &[
            (
                r#"ParseJSON("{\"a\": 1, \"b\": [1.5, null, \"x\"], \"c\": {}}")"#,
                r#"{"a":1,"b":[1.5,null,"x"],"c":{}}"#,
            ),
            (r#"IsDouble(ParseJSON("{\"a\": 1}")["a"])"#, "true"),
            (r#"ParseJSON("[1, {\"a\": true}]")"#, r#"[1,{"a":true}]"#),
            (r#"ParseJSON("1")"#, "!could not convert"),
            (r#"ParseJSON("{")"#, "!could not parse JSON"),
            ("ParseJSON(nil)", "!"),
            ("ParseKeyValue(attributes[\"kv\"])", r#"{"k1":"v1","k2":"a b","k3":"x=y"}"#),
            ("ParseKeyValue(\"a!b|c!d\", \"!\", \"|\")", r#"{"a":"b","c":"d"}"#),
            ("ParseKeyValue(\"\")", "!cannot parse from empty target"),
            ("ParseKeyValue(\"a=1 b\")", "!cannot split"),
            ("ParseKeyValue(\"a='1\")", "!never reached the end"),
            ("ParseCSV(attributes[\"csv\"], \"x,y,z\")", r#"{"x":"1","y":"a,b","z":"3"}"#),
            ("ParseCSV(\"1\\t2\", \"x|y\", \"\\t\", headerDelimiter=\"|\")", r#"{"x":"1","y":"2"}"#),
            ("ParseCSV(\"1,2\", \"x\")", "!wrong number of fields"),
            (r#"ParseCSV("a\"b,c", "x,y")"#, "!bare quote"),
            (r#"ParseCSV("a\"b,c", "x,y", mode="lazyQuotes")"#, r#"{"x":"a\"b","y":"c"}"#),
            (r#"ParseCSV("\"a,b\"", "x,y", mode="ignoreQuotes")"#, r#"{"x":"\"a","y":"b\""}"#),
            (r#"ExtractPatterns("a=1", "(?P<key>\\w+)=(?P<value>\\d+)")"#, r#"{"key":"a","value":"1"}"#),
            (r#"ExtractPatterns("none", "(?P<key>\\d+)")"#, "{}"),
            (
                r#"ExtractGrokPatterns("http://example.com:80/a?b#c", "%{URIPROTO:proto}://%{HOSTNAME:source.host}:%{POSINT:port:int}", true)"#,
                r#"{"port":80,"proto":"http","source.host":"example.com"}"#,
            ),
            (
                r#"ExtractGrokPatterns("7 ok", "%{NUMBER:n:float} %{WORD}")"#,
                r#"{"BASE10NUM":"7","WORD":"ok","n":7}"#,
            ),
            (r#"ExtractGrokPatterns("abc-5", "%{MINE:x}", true, ["MINE=[a-z]+-\\d"])"#, r#"{"x":"abc-5"}"#),
            (r#"ExtractGrokPatterns("x", "%{INT:n}", true)"#, "{}"),
            (
                r#"ParseSeverity(404, {"warn": [{"range": "4xx"}], "error": [{"range": {"min": 500, "max": 599}}]})"#,
                r#""warn""#,
            ),
            (
                r#"ParseSeverity(503, {"warn": [{"range": "4xx"}], "error": [{"range": {"min": 500, "max": 599}}]})"#,
                r#""error""#,
            ),
            (r#"ParseSeverity("E", {"error": [{"equals": ["err", "E"]}]})"#, r#""error""#),
            (r#"ParseSeverity("x", {"error": [{"equals": ["err", "E"]}]})"#, "!could not map severity"),
            (
                r#"ToKeyValueString({"b": 2, "a": "x y", "c": {"d": 1}}, "=", " ", true)"#,
                r#""a=\"x y\" b=2 c=\"{\\\"d\\\":1}\"""#,
            ),
            (r#"ToKeyValueString({"k": "v", "n": 1}, ":", ",")"#, r#""k:v,n:1""#),
            (
                r#"ParseCLF("127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET /a.gif HTTP/1.0\" 200 2326", "clf")"#,
                r#"{"clf.auth_user":"frank","clf.bytes":2326,"clf.method":"GET","clf.protocol":"HTTP/1.0","clf.remote_host":"127.0.0.1","clf.request":"GET /a.gif HTTP/1.0","clf.request_uri":"/a.gif","clf.rfc931":"-","clf.status":200,"clf.timestamp":"10/Oct/2000:13:55:36 -0700"}"#,
            ),
            (
                r#"ParseCLF("h - - [t] \"GET / HTTP/1.1\" 304 - \"-\" \"curl/8\"", "combined")["clf.user_agent"]"#,
                r#""curl/8""#,
            ),
            (r#"ParseCLF("h - - [t] \"GET / HTTP/1.1\" 304 -", "clf")["clf.bytes"]"#, "!key not found"),
            (r#"ParseCLF("h - - [t] \"GET / HTTP/1.1\" 304 -")["clf.status"]"#, "304"),
            (r#"ParseCLF("nope", "clf")"#, "!common log format"),
        ],
    );
}

#[test]
fn lists_and_maps() {
    values(
        r#"{"m":{"b":1,"a":"x"},"l":[3,1,2.5],"t":[{"k":"one","v":{"n":1}},{"k":"two","v":{"n":2}}]}"#,
        "",
        &[
            ("Keys(attributes[\"m\"])", r#"["b","a"]"#),
            ("Values(attributes[\"m\"])", r#"[1,"x"]"#),
            ("Sort(attributes[\"l\"])", "[1,2.5,3]"),
            ("Sort(attributes[\"l\"], \"desc\")", "[3,2.5,1]"),
            ("Sort([\"b\", 10, \"a\", 9])", r#"[10,9,"a","b"]"#),
            ("Sort([true, false])", "[false,true]"),
            ("Sort(\"x\")", "!expected list"),
            ("ContainsValue(attributes[\"l\"], 1)", "true"),
            ("ContainsValue(attributes[\"l\"], \"1\")", "false"),
            ("Index(attributes[\"l\"], 1)", "1"),
            ("Index(\"opentelemetry\", \"telemetry\")", "4"),
            ("Index(\"a\", \"b\")", "-1"),
            ("Index(1, 1)", "!expected a string or list"),
            ("SliceToMap(attributes[\"l\"])", r#"{"0":3,"1":1,"2":2.5}"#),
            ("SliceToMap(attributes[\"t\"], [\"k\"], [\"v\", \"n\"])", r#"{"one":1,"two":2}"#),
            ("SliceToMap(attributes[\"t\"], [\"none\"])", "!no value"),
        ],
    );
}

#[test]
fn networks() {
    values(
        "",
        "",
        &[
            ("IsInCIDR(\"192.0.2.5\", [\"10.0.0.0/8\", \"192.0.2.0/24\"])", "true"),
            ("IsInCIDR(\"192.0.3.5\", [\"192.0.2.0/24\"])", "false"),
            ("IsInCIDR(\"2001:db8::1\", [\"2001:db8::/32\"])", "true"),
            ("IsInCIDR(\"x\", [\"10.0.0.0/8\"])", "!invalid IP address"),
            // The example of the community id's own page.
            (
                "CommunityID(\"128.232.110.120\", 34855, \"66.35.250.204\", 80)",
                r#""1:LQU9qZlK+B5F3KDmev6m5PMibrg=""#,
            ),
            (
                "CommunityID(\"66.35.250.204\", 80, \"128.232.110.120\", 34855, \"TCP\")",
                r#""1:LQU9qZlK+B5F3KDmev6m5PMibrg=""#,
            ),
            ("CommunityID(\"x\", 1, \"y\", 2)", "!invalid IP address"),
            (
                r#"URL("http://myusername:mypassword@www.example.com:80/foo.gif?key1=val1&key2=val2#fragment")"#,
                r#"{"url.domain":"www.example.com","url.extension":"gif","url.fragment":"fragment","url.original":"http://myusername:mypassword@www.example.com:80/foo.gif?key1=val1&key2=val2#fragment","url.password":"mypassword","url.path":"/foo.gif","url.port":80,"url.query":"key1=val1&key2=val2","url.scheme":"http","url.user_info":"myusername:mypassword","url.username":"myusername"}"#,
            ),
            (r#"URL("/only/path")"#, r#"{"url.original":"/only/path","url.path":"/only/path"}"#),
            (r#"URL("http://h:x/")"#, "!no port"),
        ],
    );
}

#[test]
fn nothing_is_kept_of_a_condition() {
    let mut bench = Bench::new(r#"{"a":"x"}"#, "");
    let before = bench.arena.mark();
    assert_eq!(bench.holds(Context::Log, r#"Concat([attributes["a"], "y"], "") == "xy""#), Ok(true));
    assert_eq!(bench.arena.mark(), before);
}

#[test]
fn xml() {
    values(
        "",
        "",
        &[
            (
                r#"ParseXML("<?xml version=\"1.0\"?><a x=\"1\" y='&lt;'> t <b/><!-- c --><b>2</b></a>")"#,
                r#"{"attributes":{"x":"1","y":"<"},"children":[{"tag":"b"},{"content":"2","tag":"b"}],"content":"t","tag":"a"}"#,
            ),
            (r#"ParseXML("<a><![CDATA[<&>]]>&#65;&amp;</a>")"#, r#"{"content":"<&>A&","tag":"a"}"#),
            (
                r#"ParseSimplifiedXML("<log><id>1</id><text x='y'>hi</text><id>2</id><none/><in><k>v</k></in></log>")"#,
                r#"{"log":{"id":["1","2"],"in":{"k":"v"},"text":"hi"}}"#,
            ),
            (r#"ParseXML("<a><b></a>")"#, "!element <b> closed by </a>"),
            (r#"ParseXML("<a>")"#, "!not closed"),
            (r#"ParseXML("<a/><b/>")"#, "!more than one element"),
            (r#"ParseXML("text")"#, "!text outside"),
            (r#"ParseXML("<a>&nope;</a>")"#, "!unknown entity"),
        ],
    );
}

#[test]
fn xml_is_edited() {
    const LOG: &str = "<L><R id='1'><N t='old'></N><D>x</D></R><R id='2'><N t='user'/><D>y</D></R></L>";
    let on = |call: &str, expected: &str| {
        let expression = call.replace("LOG", &format!("{LOG:?}"));
        values("", "", &[(&expression, expected)]);
    };
    for (call, expected) in [
        (r#"GetXML(LOG, "/L/R/D")"#, r#""<D>x</D><D>y</D>""#),
        (r#"GetXML(LOG, "//D/text()")"#, r#""xy""#),
        (r#"GetXML(LOG, "//@id")"#, r#""12""#),
        (r#"GetXML(LOG, "//N[@t='user']")"#, r#""<N t=\"user\"></N>""#),
        (r#"GetXML(LOG, "/L/R[2]/D")"#, r#""<D>y</D>""#),
        (r#"GetXML(LOG, "//R[D='y']/@id")"#, r#""2""#),
        (r#"GetXML(LOG, "//R[N/@t != 'user']/@id")"#, r#""1""#),
        (r#"GetXML(LOG, "/L/*/D[1]")"#, r#""<D>x</D><D>y</D>""#),
        (r#"GetXML(LOG, "L//D[text()='x']")"#, r#""<D>x</D>""#),
        (r#"GetXML(LOG, "//none")"#, r#""""#),
        (r#"GetXML(LOG, "//R[@none]")"#, r#""""#),
        (r#"GetXML("<a>1 &lt; 2<![CDATA[<>]]></a>", "/")"#, r#""<a>1 &lt; 2<![CDATA[<>]]></a>""#),
        (r#"GetXML("<a>", "/a")"#, "!element <a> is not closed"),
        (r#"GetXML(LOG, "//R[last()]")"#, "!the XPath `//R[last()]` is not understood at `last()]`"),
        (r#"GetXML(LOG, "/L/parent::x")"#, "!not understood"),
        (r#"GetXML(LOG, "//a | //b")"#, "!not understood"),
        (r#"GetXML(LOG, "/a/")"#, "!not understood at its end"),
        (
            r#"RemoveXML(LOG, "/L/R[./N/@t=\"old\"]")"#,
            r#""<L><R id=\"2\"><N t=\"user\"></N><D>y</D></R></L>""#,
        ),
        (
            r#"RemoveXML("<a x='1' y='2' z='3'><b x='1'/></a>", "//@x")"#,
            r#""<a y=\"2\" z=\"3\"><b></b></a>""#,
        ),
        (r#"RemoveXML("<a x='1' y='2' z='3'/>", "/a/@*")"#, r#""<a></a>""#),
        (r#"RemoveXML("<a>t<b/>u</a>", "/a/text()")"#, r#""<a><b></b></a>""#),
        (
            r#"RemoveXML("<?xml version=\"1.0\"?><a><!-- c --></a>", "//comment()")"#,
            r#""<?xml version=\"1.0\"?><a></a>""#,
        ),
        (
            r#"InsertXML("<a><b/><b>x</b></a>", "//b", "<c/><d e='1'/>")"#,
            r#""<a><b><c></c><d e=\"1\"></d></b><b>x<c></c><d e=\"1\"></d></b></a>""#,
        ),
        (r#"InsertXML("<a/>", "/", "<b/>")"#, r#""<a></a><b></b>""#),
        (r#"InsertXML("<a>x</a>", "/a/text()", "<b/>")"#, "!no element"),
        (r#"InsertXML("<a/>", "/a", "<b>")"#, "!could not parse XML"),
        (
            r#"ConvertAttributesToElementsXML("<a foo='bar'><b>baz</b></a>")"#,
            r#""<a><b>baz</b><foo>bar</foo></a>""#,
        ),
        (
            r#"ConvertAttributesToElementsXML(LOG, "/L/R[1]/N")"#,
            r#""<L><R id=\"1\"><N><t>old</t></N><D>x</D></R><R id=\"2\"><N t=\"user\"></N><D>y</D></R></L>""#,
        ),
        (
            r#"ConvertAttributesToElementsXML("<a x='1' y='2'><b x='3'/></a>", "//@x")"#,
            r#""<a y=\"2\"><b><x>3</x></b><x>1</x></a>""#,
        ),
        (r#"ConvertAttributesToElementsXML("<a x='1' y='2'/>", "//@*")"#, r#""<a><x>1</x><y>2</y></a>""#),
        (r#"ConvertTextToElementsXML("<a><b>foo</b>bar</a>")"#, r#""<a><b>foo</b><value>bar</value></a>""#),
        (
            r#"ConvertTextToElementsXML("<a><b/>foo</a><c><b/>bar</c>", "/a", "custom")"#,
            r#""<a><b></b><custom>foo</custom></a><c><b></b>bar</c>""#,
        ),
        (r#"ConvertTextToElementsXML("<a>foo</a>", "//a")"#, r#""<a>foo</a>""#),
        (r#"ConvertTextToElementsXML("<a/>", "/", "1 x")"#, "!cannot be called"),
        (
            r#"ConvertTextToElementsXML("<a><b/>t</a>", xPath="/a", elementName="v")"#,
            r#""<a><b></b><v>t</v></a>""#,
        ),
    ] {
        on(call, expected);
    }
}

#[test]
fn user_agents() {
    for (text, expected) in [
        ("curl/7.81.0", "curl|7.81.0|Other|"),
        ("python-requests/2.31.0", "Python Requests|2.31.0|Other|"),
        ("kube-probe/1.29+", "kube-probe|1.29|Other|"),
        ("ELB-HealthChecker/2.0", "ELB-HealthChecker|2.0|Other|"),
        ("Go-http-client/1.1", "Go-http-client|1.1|Other|"),
        ("something else", "Other||Other|"),
        ("", "Other||Other|"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/51.0.2704.103 Safari/537.36",
            "Chrome|51.0.2704|Linux|",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
            "Edge|120.0.2210|Windows|10",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:121.0) Gecko/20100101 Firefox/121.0",
            "Firefox|121.0|Mac OS X|10.15",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15",
            "Safari|17.2|Mac OS X|10.15.7",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1.2 Mobile/15E148 Safari/604.1",
            "Mobile Safari|17.1.2|iOS|17.1.2",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.43 Mobile Safari/537.36",
            "Chrome Mobile|120.0.6099|Android|14",
        ),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot|2.1|Other|"),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", "IE|11.0|Windows|7"),
    ] {
        let attributes = format!(r#"{{"ua":{text:?}}}"#);
        let mut bench = Bench::new(&attributes, "");
        let mut field = |name: &str| {
            let call = format!("UserAgent(attributes[\"ua\"])[\"{name}\"]");
            bench.value(Context::Log, &call).unwrap_or_default().trim_matches('"').to_owned()
        };
        let names = ["user_agent.name", "user_agent.version", "os.name", "os.version"];
        assert_eq!(names.map(&mut field).join("|"), expected, "{text}");
        assert_eq!(field("user_agent.original"), text);
    }
}

#[test]
fn leef() {
    values(
        "",
        "",
        &[
            (
                r#"ParseLEEF("LEEF:1.0|Microsoft|MSExchange|4.0 SP1|15345|src=10.50.1.1\tdst=2.10.20.20\tsev=5")"#,
                r#"{"leef.attributes":{"dst":"2.10.20.20","sev":"5","src":"10.50.1.1"},"leef.event.id":"15345","leef.product.name":"MSExchange","leef.product.version":"4.0 SP1","leef.vendor":"Microsoft","leef.version":"1.0"}"#,
            ),
            (
                r#"ParseLEEF("<13>Jan 1 00:00:00 host LEEF:2.0|Lancope|StealthWatch|1.0|41|^|src=10.0.1.8^dst=a=b^none^=x^src=last")["leef.attributes"]"#,
                r#"{"dst":"a=b","src":"last"}"#,
            ),
            (r#"ParseLEEF("LEEF:2.0|V|P|1|E|0x3b|a=1;b=2")["leef.attributes"]"#, r#"{"a":"1","b":"2"}"#),
            (r#"ParseLEEF("LEEF:2.0|V|P|1|E||a=1\tb=2")["leef.attributes"]"#, r#"{"a":"1","b":"2"}"#),
            (r#"ParseLEEF("LEEF:2.0|V|P|1|E|a=1\tb=2|c")["leef.attributes"]"#, r#"{"a":"1","b":"2|c"}"#),
            (r#"ParseLEEF("LEEF:2.0|V|P|1|E|zzz|a=1")"#, "!`zzz` is no delimiter"),
            (r#"ParseLEEF("LEEF:3.0|V|P|1|E|a=1")"#, "!neither 1.0 nor 2.0"),
            (r#"ParseLEEF("LEEF:1.0|V|P")"#, "!cut short"),
            (r#"ParseLEEF("")"#, "!is missing"),
        ],
    );
}
