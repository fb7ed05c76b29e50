//! Owns matching: `*` and `?`, policy variables, and ARNs by their segments.
//!
//! Sources: IAM User Guide, "IAM policy elements: Variables and tags",
//! "IAM JSON policy elements: Resource".

use super::context::Context;
use super::keys;

/// One piece of a pattern as it was written in the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(char),
    One,
    Any,
    Variable {
        key: String,
        default: Option<String>,
    },
}

/// A string of a policy that may hold wildcards and policy variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
    source: String,
}

/// A pattern after the variables were replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Literal(char),
    One,
    Any,
}

impl Pattern {
    /// Parses a pattern; `variables` is true from policy version 2012-10-17 on.
    pub(crate) fn parse(source: &str, variables: bool) -> Result<Self, String> {
        let mut pieces = Vec::with_capacity(source.len());
        let mut rest = source;
        while let Some(first) = rest.chars().next() {
            if variables && let Some(tail) = rest.strip_prefix("${") {
                let (name, after) = tail
                    .split_once('}')
                    .ok_or_else(|| format!("unclosed policy variable in {source:?}"))?;
                pieces.push(Self::variable(name)?);
                rest = after;
                continue;
            }
            pieces.push(match first {
                '*' => Piece::Any,
                '?' => Piece::One,
                other => Piece::Literal(other),
            });
            rest = &rest[first.len_utf8()..];
        }
        Ok(Self {
            pieces,
            source: source.to_owned(),
        })
    }

    fn variable(name: &str) -> Result<Piece, String> {
        // `${*}`, `${?}` and `${$}` stand for the characters themselves.
        if let "*" | "?" | "$" = name {
            return Ok(Piece::Literal(name.chars().next().unwrap_or('$')));
        }
        let (key, default) = match name.split_once(',') {
            Some((key, default)) => {
                let default = default.trim();
                let default = default
                    .strip_prefix('\'')
                    .and_then(|text| text.strip_suffix('\''))
                    .ok_or_else(|| format!("the default of ${{{name}}} needs single quotes"))?;
                (key.trim(), Some(default.to_owned()))
            }
            None => (name.trim(), None),
        };
        if !keys::is_known(key) {
            return Err(format!("unknown policy variable ${{{key}}}"));
        }
        Ok(Piece::Variable {
            key: key.to_owned(),
            default,
        })
    }

    /// The pattern as it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Replaces the variables; `None` if one has no single value, in which
    /// case AWS treats the statement as one that does not match.
    fn tokens(&self, context: &Context, wildcards: bool) -> Option<Vec<Token>> {
        let mut tokens = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            match piece {
                Piece::Literal(c) => tokens.push(Token::Literal(*c)),
                Piece::Any if wildcards => tokens.push(Token::Any),
                Piece::One if wildcards => tokens.push(Token::One),
                Piece::Any => tokens.push(Token::Literal('*')),
                Piece::One => tokens.push(Token::Literal('?')),
                Piece::Variable { key, default } => {
                    let value = context.single(key).or(default.as_deref())?;
                    // A value is data: its own `*` is no wildcard.
                    tokens.extend(value.chars().map(Token::Literal));
                }
            }
        }
        Some(tokens)
    }

    /// Equality without wildcards (`StringEquals`).
    pub(crate) fn equals(&self, value: &str, context: &Context, ignore_case: bool) -> bool {
        let Some(tokens) = self.tokens(context, false) else {
            return false;
        };
        let text: String = tokens
            .iter()
            .map(|token| match token {
                Token::Literal(c) => *c,
                Token::One => '?',
                Token::Any => '*',
            })
            .collect();
        if ignore_case {
            text.to_lowercase() == value.to_lowercase()
        } else {
            text == value
        }
    }

    /// Matching with wildcards over the whole string (`StringLike`).
    pub(crate) fn like(&self, value: &str, context: &Context) -> bool {
        self.tokens(context, true)
            .is_some_and(|tokens| matches(&tokens, &value.chars().collect::<Vec<_>>()))
    }

    /// Matching of an ARN: each of the six parts by itself, so that a wildcard
    /// in one part never reaches into the next.
    pub(crate) fn arn_like(&self, value: &str, context: &Context) -> bool {
        let Some(tokens) = self.tokens(context, true) else {
            return false;
        };
        if tokens == [Token::Any] {
            return true;
        }
        let mut pattern_parts: Vec<Vec<Token>> = vec![Vec::new()];
        for token in tokens {
            let count = pattern_parts.len();
            if token == Token::Literal(':') && count < 6 {
                pattern_parts.push(Vec::new());
            } else if let Some(last) = pattern_parts.last_mut() {
                last.push(token);
            }
        }
        let value_parts: Vec<&str> = value.splitn(6, ':').collect();
        pattern_parts.len() == 6
            && value_parts.len() == 6
            && pattern_parts
                .iter()
                .zip(value_parts)
                .all(|(pattern, part)| matches(pattern, &part.chars().collect::<Vec<_>>()))
    }
}

/// Wildcard matching in linear space, with one point of return.
fn matches(pattern: &[Token], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Token::Any) => {
                retry = Some((p, t));
                p += 1;
            }
            Some(Token::One) => {
                p += 1;
                t += 1;
            }
            Some(Token::Literal(c)) if *c == text[t] => {
                p += 1;
                t += 1;
            }
            Some(Token::Literal(_)) | None => match retry {
                Some((star, from)) => {
                    p = star + 1;
                    t = from + 1;
                    retry = Some((star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|token| *token == Token::Any)
}

/// Plain wildcard matching without variables, for actions and fault rules.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let tokens: Vec<Token> = pattern
        .chars()
        .map(|c| match c {
            '*' => Token::Any,
            '?' => Token::One,
            other => Token::Literal(other),
        })
        .collect();
    matches(&tokens, &text.chars().collect::<Vec<_>>())
}
