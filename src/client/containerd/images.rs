//! containerd's records of images: which of them we pinned, and how a pin is set and taken off. It removes no image.

use std::collections::HashMap;

use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::{GetImageRequest, Image, ListImagesRequest, UpdateImageRequest};
use prost_types::FieldMask;
use tonic::Code;
use tonic::transport::Channel;

use super::{ANSWER_LIMIT, Containerd, in_namespace, unless};
use crate::model::runtime::CallFailure;

/// The label that pins an image against the kubelet's garbage collection. From 1.6.25 and 1.7.10 on
/// (containerd: internal/cri/labels).
const PIN: &str = "io.cri-containerd.pinned";

/// The value that pins; any other does not.
const PINNED: &str = "pinned";

/// Our own label beside a pin of ours: a pin without it is somebody else's.
const OURS: &str = "kubewhy.dev/pinned";

impl Containerd {
    /// The names of all images that we pinned.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn pinned_by_us(&self) -> Result<Vec<String>, CallFailure> {
        let request = in_namespace(ListImagesRequest { filters: vec![format!("labels.\"{OURS}\"==true")] });
        let ask = async |c: Channel| images(c).list(request).await;
        let found = self.ask("Images.List", ask).await?.images;
        Ok(found.into_iter().map(|image| image.name).collect())
    }

    /// Pins an image, unless somebody else did. None: there is no image of that name.
    ///
    /// # Errors
    /// How a call failed.
    pub async fn pin(&self, name: &str) -> Result<Option<Pin>, CallFailure> {
        let Some(image) = self.image(name).await? else { return Ok(None) };
        let is = |label: &str, value: &str| image.labels.get(label).is_some_and(|is| is == value);
        match (is(PIN, PINNED), is(OURS, "true")) {
            (true, true) => Ok(Some(Pin::Ours)),
            (true, false) => Ok(Some(Pin::Theirs)),
            (false, _) => {
                self.label(image, &[(PIN, PINNED), (OURS, "true")]).await?;
                Ok(Some(Pin::Ours))
            }
        }
    }

    /// Takes a pin of ours off. An image that is gone, or that somebody else pinned, is left as it is.
    ///
    /// # Errors
    /// How a call failed.
    pub async fn unpin(&self, name: &str) -> Result<(), CallFailure> {
        self.unlabel(name, &[(PIN, ""), (OURS, "")]).await
    }

    /// Makes a pin of ours somebody else's: what says that it is ours goes, and the image stays pinned.
    ///
    /// # Errors
    /// How a call failed.
    pub async fn disown(&self, name: &str) -> Result<(), CallFailure> {
        self.unlabel(name, &[(OURS, "")]).await
    }

    /// Where the pin is ours.
    async fn unlabel(&self, name: &str, labels: &[(&str, &str)]) -> Result<(), CallFailure> {
        match self.image(name).await? {
            Some(image) if image.labels.get(OURS).is_some_and(|is| is == "true") => self.label(image, labels).await,
            _ => Ok(()),
        }
    }

    async fn image(&self, name: &str) -> Result<Option<Image>, CallFailure> {
        let request = in_namespace(GetImageRequest { name: name.to_owned() });
        let ask = async |c: Channel| unless(Code::NotFound, images(c).get(request).await);
        Ok(self.ask("Images.Get", ask).await?.and_then(|answer| answer.image))
    }

    /// The request names the image's target, though it is not changed: without one containerd 1.7.24 and 2.1.9 were seen to
    /// die of a nil pointer (plugins/services/images: descFromProto).
    async fn label(&self, image: Image, labels: &[(&str, &str)]) -> Result<(), CallFailure> {
        let labels: HashMap<_, _> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let paths = labels.keys().map(|label| format!("labels.{label}")).collect();
        let request = in_namespace(UpdateImageRequest {
            image: Some(Image { name: image.name, labels, target: image.target, ..Image::default() }),
            update_mask: Some(FieldMask { paths }),
            source_date_epoch: None,
        });
        let ask = async |c: Channel| unless(Code::NotFound, images(c).update(request).await);
        self.ask("Images.Update", ask).await.map(|_| ())
    }
}

/// Whose pin it is that an image has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// Ours, and ours to take off.
    Ours,
    /// Somebody else's.
    Theirs,
}

fn images(channel: Channel) -> ImagesClient<Channel> {
    ImagesClient::new(channel).max_decoding_message_size(ANSWER_LIMIT)
}
