#include "sql/functions/tables.h"

namespace millrace::sql {
namespace {

const FunctionRow kHashRows[] = {
    {"md5(expr)", "MD5 as 32 hexadecimal digits.",
     "md5('Spark') => 8cde774d6f7333752ed72cacddb05126", Fixed({kBinary}, kString)},
    {"sha1(expr)",
     "SHA-1 as hexadecimal digits.",
     "sha1('Spark') => 85f5955f4b27a9a4c2aab6ffe5d7189fc298b92c",
     Fixed({kBinary}, kString),
     {.aliases = {"sha"}}},
    {"sha2(expr, bits)", "SHA-2 of 224, 256 (or 0), 384 or 512 bits as hexadecimal digits.",
     "sha2('Spark', 256) => 529bc3b07127ecb7e53a4dcf1991d9152c24537d919178022b2c42657f79a26b",
     Fixed({kBinary, kInt}, kString)},
    {"crc32(expr)", "CRC-32.", "crc32('Spark') => 1557323817", Fixed({kBinary}, kBigint)},
    {"hash(a, ...)",
     "Murmur3 of the arguments, 32 bits, seed 42.",
     "hash('Spark', array(123), 2) => -1321691492",
     Variadic({}, kAny, kInt, 1),
     {.null_rule = NullRule::kHandled}},
    {"xxhash64(a, ...)",
     "xxHash64 of the arguments, seed 42.",
     "xxhash64('Spark', array(123), 2) => 5602566077635097486",
     Variadic({}, kAny, kBigint, 1),
     {.null_rule = NullRule::kHandled}},
    {"uuid_v5(namespace, name)",
     "The name's UUID (RFC 9562 version 5) in a namespace UUID.",
     "uuid_v5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com') => "
     "2ed6657d-e927-568b-95e1-2665a8aea6a2",
     Fixed({kString, kString}, kString),
     {.difference = "ours: Spark has no such function"}},
};

const FunctionRow kMiscRows[] = {
    {"typeof(expr)",
     "The type of expr.",
     "typeof(1) => int",
     Fixed({kAny}, kString),
     {.null_rule = NullRule::kHandled}},
    {"version()",
     "The version of Millrace.",
     "version() IS NULL => false",
     Fixed({}, kString),
     {.difference = "ours, not Spark's", .null_rule = NullRule::kHandled}},
};

}  // namespace

std::span<const FunctionRow> HashRows() { return kHashRows; }
std::span<const FunctionRow> MiscRows() { return kMiscRows; }

}  // namespace millrace::sql
