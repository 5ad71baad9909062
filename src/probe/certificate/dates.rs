//! From when until when a certificate is valid (RFC 5280, 4.1.2.5). The walk to that one field is shorter than any parser
//! of certificates; nothing here checks a signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::Time;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The span of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) begins: Time,
    pub(super) ends: Time,
}

/// The validity of the first certificate in a PEM text.
pub(super) fn of_pem(pem: &[u8]) -> Option<Validity> {
    let text = std::str::from_utf8(pem).ok()?;
    let (body, _) = text.split_once(BEGIN)?.1.split_once(END)?;
    let body: String = body.split_whitespace().collect();
    of_der(&STANDARD.decode(body).ok()?)
}

/// Certificate → TBSCertificate → version, serial number, algorithm and issuer are passed over → validity.
fn of_der(der: &[u8]) -> Option<Validity> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut fields, _) = element(certificate, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = any(fields)?.2;
    }
    for _ in ["serial number", "algorithm", "issuer"] {
        fields = any(fields)?.2;
    }
    let (validity, _) = element(fields, SEQUENCE)?;
    let (begins, rest) = time(validity)?;
    let (ends, _) = time(rest)?;
    Some(Validity { begins, ends })
}

fn element(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = any(der)?;
    (tag == wanted).then_some((content, rest))
}

/// Tag, content and what follows. A length of more than four bytes is none of a certificate.
fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, der) = der.split_first()?;
    let (first, der) = der.split_first()?;
    let (length, der) = match first & 0x7f {
        short if *first < 0x80 => (usize::from(short), der),
        bytes @ 1..=4 => {
            let (digits, der) = der.split_at_checked(usize::from(bytes))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), der)
        }
        _ => return None,
    };
    let (content, rest) = der.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// `YYMMDDHHMMSSZ` up to 2049, `YYYYMMDDHHMMSSZ` from then on.
fn time(der: &[u8]) -> Option<(Time, &[u8])> {
    let (tag, content, rest) = any(der)?;
    let digits = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let full = match tag {
        UTC_TIME if digits < "50" => format!("20{digits}"),
        UTC_TIME => format!("19{digits}"),
        GENERALIZED_TIME => digits.to_owned(),
        _ => return None,
    };
    let moment = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", full).ok()?;
    Some((moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::scene::recorded;

    #[test]
    fn both_ways_to_write_a_time_are_read() {
        let near = of_pem(&recorded("kubelet-client.pem")).unwrap();
        assert_eq!(
            (near.begins.to_string(), near.ends.to_string()),
            ("2026-01-01T00:00:00Z".into(), "2027-01-01T00:00:00Z".into())
        );
        let far = of_pem(&recorded("kubelet-client-2060.pem")).unwrap();
        assert_eq!(
            (far.begins.to_string(), far.ends.to_string()),
            ("2060-01-01T00:00:00Z".into(), "2061-01-01T00:00:00Z".into())
        );
    }

    #[test]
    fn a_certificate_cut_or_changed_anywhere_is_none_and_no_panic() {
        let pem = recorded("kubelet-client.pem");
        let text = String::from_utf8(pem).unwrap();
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).unwrap();
        for at in 0..der.len() {
            let cut = of_der(der.get(..at).unwrap());
            assert!(cut.is_none(), "the outer length counts");
            for byte in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = der.clone();
                changed[at] = byte;
                let _any = of_der(&changed);
            }
        }
    }
}
