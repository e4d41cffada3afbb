#include <span>

#include "sql/functions/tables.h"

namespace millrace::sql {
namespace {

// hex takes whole numbers, strings and binaries.
Result<Signature> ResolveHex(std::span<const Argument> args) {
  if (args.size() == 1 && args[0].type.is_numeric()) return Fixed({kBigint}, kString)(args);
  return Fixed({kText}, kString)(args);
}

const FunctionRow kRows[] = {
    {"base64(bin)", "Base64 text of a binary.", "base64('Spark SQL') => U3BhcmsgU1FM",
     Fixed({kBinary}, kString)},
    {"unbase64(str)", "Binary of base64 text.",
     "CAST(unbase64('U3BhcmsgU1FM') AS STRING) => Spark SQL", Fixed({kString}, kBinary)},
    {"hex(expr)", "Hexadecimal digits of a whole number or of bytes.",
     "hex('Spark SQL') => 537061726B2053514C", ResolveHex},
    {"unhex(str)", "Binary of hexadecimal digits; NULL when there are others.",
     "CAST(unhex('537061726B2053514C') AS STRING) => Spark SQL", Fixed({kString}, kBinary)},
    {"encode(str, charset)",
     "Bytes of str in a charset.",
     "hex(encode('abc', 'utf-8')) => 616263",
     Fixed({kString, kString}, kBinary),
     {.difference =
          "US-ASCII, ISO-8859-1, UTF-8, UTF-16, UTF-16BE, UTF-16LE, as Spark 4; UTF-32 too"}},
    {"decode_binary(bin, charset)",
     "Text of bytes in a charset; decode(bin, charset) is this.",
     "decode_binary(encode('abc', 'utf-8'), 'utf-8') => abc",
     Fixed({kBinary, kString}, kString),
     {.difference = "the name is ours: Spark calls it decode as well"}},
    {"url_encode(str)", "str as application/x-www-form-urlencoded.",
     "url_encode('https://spark.apache.org') => https%3A%2F%2Fspark.apache.org",
     Fixed({kString}, kString)},
    {"url_decode(str)", "Text of an application/x-www-form-urlencoded string.",
     "url_decode('https%3A%2F%2Fspark.apache.org') => https://spark.apache.org",
     Fixed({kString}, kString)},
    {"try_url_decode(str)", "As url_decode, but NULL where that fails.",
     "try_url_decode('http%3A%2F%2spark') => NULL", Fixed({kString}, kString)},
    {"parse_url(url, part[, key])",
     "HOST, PATH, QUERY, REF, PROTOCOL, FILE, AUTHORITY or USERINFO of a URL; one query key.",
     "parse_url('http://spark.apache.org/path?query=1', 'QUERY', 'query') => 1",
     Fixed({kString, kString, kString}, kString, 1)},
    {"try_parse_url(url, part[, key])", "As parse_url, but NULL where that fails.",
     "try_parse_url('inva lid://spark.apache.org/', 'HOST') => NULL",
     Fixed({kString, kString, kString}, kString, 1)},
    {"to_binary(str[, format])", "Binary of text in hex (the default), utf-8 or base64.",
     "CAST(to_binary('abc', 'utf-8') AS STRING) => abc", Fixed({kString, kString}, kBinary, 1)},
    {"try_to_binary(str[, format])", "As to_binary, but NULL where that fails.",
     "try_to_binary('a!', 'base64') => NULL", Fixed({kString, kString}, kBinary, 1)},
    {"is_valid_utf8(str)", "Whether the bytes are valid UTF-8.", "is_valid_utf8('Spark') => true",
     Fixed({kText}, kBoolean)},
};

}  // namespace

std::span<const FunctionRow> EncodingRows() { return kRows; }

}  // namespace millrace::sql
