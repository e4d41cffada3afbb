#include "engine/functions/like_pattern.h"

#include "base/unicode.h"

namespace millrace::engine {
namespace {

constexpr char32_t kAny = 0xFFFFFFFF;  // no code point

}  // namespace

Result<LikePattern> LikePattern::Make(std::string_view pattern, std::string_view escape,
                                      bool ignore_case) {
  if (CountCodePoints(escape) != 1)
    return Fail(ErrorCode::kInvalidArgument, "the escape of LIKE must be one character, is '{}'",
                escape);
  LikePattern made;
  made.ignore_case_ = ignore_case;
  made.pieces_.emplace_back();
  std::string folded(pattern);
  if (ignore_case) LowerCase(pattern, folded);
  size_t escape_at = 0;
  const char32_t escape_point = NextCodePoint(escape, escape_at);
  for (size_t at = 0; at < folded.size();) {
    char32_t point = NextCodePoint(folded, at);
    const bool escaped = point == escape_point;
    if (escaped) {
      if (at >= folded.size())
        return Fail(ErrorCode::kInvalidArgument, "the LIKE pattern '{}' ends with its escape",
                    pattern);
      point = NextCodePoint(folded, at);
      if (point != '%' && point != '_' && point != escape_point)
        return Fail(ErrorCode::kInvalidArgument,
                    "in the LIKE pattern '{}' the escape stands before a character that needs none",
                    pattern);
    }
    if (!escaped && point == '%') {
      made.pieces_.emplace_back();
      continue;
    }
    Piece& piece = made.pieces_.back();
    const bool any = !escaped && point == '_';
    piece.has_any = piece.has_any || any;
    piece.points += any ? kAny : point;
    if (!any) AppendCodePoint(point, piece.text);
  }
  return made;
}

size_t LikePattern::LengthAt(const Piece& piece, std::string_view text) {
  if (!piece.has_any)
    return text.starts_with(piece.text) ? piece.text.size() : std::string_view::npos;
  size_t at = 0;
  for (const char32_t point : piece.points) {
    if (at >= text.size()) return std::string_view::npos;
    const char32_t found = NextCodePoint(text, at);
    if (point != kAny && point != found) return std::string_view::npos;
  }
  return at;
}

size_t LikePattern::Search(const Piece& piece, std::string_view text, size_t& length) {
  if (!piece.has_any) {
    length = piece.text.size();
    return text.find(piece.text);
  }
  for (size_t at = 0; at <= text.size();) {
    length = LengthAt(piece, text.substr(at));
    if (length != std::string_view::npos) return at;
    at += at < text.size() ? SequenceLength(text[at]) : 1;
  }
  return std::string_view::npos;
}

bool LikePattern::EndsWith(const Piece& piece, std::string_view text) {
  if (!piece.has_any) return text.ends_with(piece.text);
  const size_t count = CountCodePoints(text);
  if (count < piece.points.size()) return false;
  const std::string_view tail = text.substr(OffsetOfCodePoint(text, count - piece.points.size()));
  return LengthAt(piece, tail) == tail.size();
}

bool LikePattern::MatchesPieces(std::string_view text) const {
  const size_t first = LengthAt(pieces_.front(), text);
  if (first == std::string_view::npos) return false;
  if (pieces_.size() == 1) return first == text.size();
  text.remove_prefix(first);
  for (size_t i = 1; i + 1 < pieces_.size(); ++i) {
    size_t length = 0;
    const size_t at = Search(pieces_[i], text, length);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + length);
  }
  return EndsWith(pieces_.back(), text);
}

bool LikePattern::Matches(std::string_view text) const {
  if (!ignore_case_) return MatchesPieces(text);
  std::string folded;
  LowerCase(text, folded);
  return MatchesPieces(folded);
}

}  // namespace millrace::engine
