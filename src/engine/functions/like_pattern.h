// A LIKE pattern, taken apart once: '%' is any text, '_' one character, the escape character makes
// the next one plain.
//
//   LikePattern::Make("S_a%", "\\", false)->Matches("Spark")   // true
//
// Thread contract: Matches() from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::engine {

class LikePattern {
 public:
  // `escape` is one character. kInvalidArgument: it is not, or it stands before neither '%', '_'
  // nor itself.
  static Result<LikePattern> Make(std::string_view pattern, std::string_view escape,
                                  bool ignore_case);

  // Linear in the text for each piece between '%' signs.
  bool Matches(std::string_view text) const;

 private:
  // Text between '%' signs. `any` marks, in code points, the '_' places.
  struct Piece {
    std::string text;       // without any '_': compared as bytes
    std::u32string points;  // with '_' (as kAny): compared by character
    bool has_any = false;
  };

  bool MatchesPieces(std::string_view text) const;
  // Byte length that the piece matches at the start of `text`; npos when it does not.
  static size_t LengthAt(const Piece& piece, std::string_view text);
  // Byte offset in `text` where the piece first matches, its length in `length`.
  static size_t Search(const Piece& piece, std::string_view text, size_t& length);
  static bool EndsWith(const Piece& piece, std::string_view text);

  std::vector<Piece> pieces_;
  bool ignore_case_ = false;
};

}  // namespace millrace::engine
