//! What a service offers: its methods, found by the names that people type.

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};

use crate::fault::{Fault, did_you_mean, quoted};
use crate::message::Pattern;

/// The services that tell about services.
const OWN: &str = "grpc.reflection.";

/// All that is known of a service's protobuf.
#[derive(Clone, Debug)]
pub struct Schema {
    pool: DescriptorPool,
}

/// A method's name as it was typed, taken apart: `orders.v1.Orders/Create`, `Orders.Create`, `orders.create`.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    /// The service, with its package or without.
    pub service: &'a str,
    /// The method.
    pub method: &'a str,
}

impl<'a> Name<'a> {
    /// Takes `pattern` apart.
    ///
    /// # Errors
    /// A pattern that names no method.
    pub fn of(pattern: &'a Pattern) -> Result<Self, Fault> {
        let text = pattern.as_str();
        let hint = "a method is named with its service: orders.v1.Orders/Create, or Orders.Create";
        if let Pattern::Json(_) = pattern {
            return Err(
                Fault::new(format!("gRPC has no patterns in JSON such as {}", quoted(text))).hint(hint)
            );
        }
        let name = text.strip_prefix('/').unwrap_or(text);
        let split = name.split_once('/').or_else(|| name.rsplit_once('.'));
        match split {
            Some((service, method)) if !service.is_empty() && !method.is_empty() => {
                Ok(Self { service, method })
            }
            _ => Err(Fault::new(format!("`{}` names no method", quoted(text))).hint(hint)),
        }
    }

    /// Whether `full`, a service's name with its package, is meant.
    pub fn means(&self, full: &str) -> bool {
        let tail = full.len().checked_sub(self.service.len()).and_then(|start| full.get(start..));
        let is_whole = full.len() == self.service.len()
            || full[..full.len().saturating_sub(self.service.len())].ends_with('.');
        is_whole && tail.is_some_and(|tail| tail.eq_ignore_ascii_case(self.service))
    }
}

/// A method's own name: `orders.v1.Orders/Create`.
pub fn full_name(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

impl Schema {
    /// From descriptors.
    pub fn new(pool: DescriptorPool) -> Self {
        Self { pool }
    }

    /// The descriptors.
    pub fn pool(&self) -> &DescriptorPool {
        &self.pool
    }

    /// The services, those left out that tell about services.
    pub fn services(&self) -> impl Iterator<Item = ServiceDescriptor> + '_ {
        self.pool.services().filter(|service| !service.full_name().starts_with(OWN))
    }

    /// Every method.
    pub fn methods(&self) -> Vec<MethodDescriptor> {
        self.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
    }

    /// The method that `pattern` means: as it is written, else in any case if that is only one.
    ///
    /// # Errors
    /// None, with the nearest; several, with all of them.
    pub fn method(&self, pattern: &Pattern) -> Result<MethodDescriptor, Fault> {
        let name = Name::of(pattern)?;
        let methods = self.methods();
        let exact = methods.iter().find(|method| {
            method.name() == name.method && method.parent_service().full_name() == name.service
        });
        if let Some(method) = exact {
            return Ok(method.clone());
        }
        let mut meant: Vec<_> = methods
            .iter()
            .filter(|method| {
                method.name().eq_ignore_ascii_case(name.method)
                    && name.means(method.parent_service().full_name())
            })
            .collect();
        let as_written = |method: &&&MethodDescriptor| {
            method.name() == name.method && method.parent_service().full_name().ends_with(name.service)
        };
        if let [only] = meant.iter().filter(as_written).collect::<Vec<_>>()[..] {
            meant = vec![*only];
        }
        match &meant[..] {
            [only] => Ok((*only).clone()),
            [] => Err(self.unknown(name, &methods)),
            several => {
                let names: Vec<_> = several.iter().map(|method| full_name(method)).collect();
                Err(Fault::new(format!("`{}` could be several methods", pattern.as_str()))
                    .hint(format!("write one of {}", names.join(", "))))
            }
        }
    }

    fn unknown(&self, name: Name<'_>, methods: &[MethodDescriptor]) -> Fault {
        let of_it: Vec<_> = methods
            .iter()
            .filter(|method| name.means(method.parent_service().full_name()))
            .map(|method| method.name().to_owned())
            .collect();
        if of_it.is_empty() {
            return no_service(name, self.services().map(|service| service.full_name().to_owned()));
        }
        Fault::new(format!("the service `{}` has no method `{}`", name.service, quoted(name.method)))
            .hint(did_you_mean(name.method, of_it, "its methods"))
    }
}

/// The fault of a name whose service is none of `known`, which are named in full.
pub fn no_service(name: Name<'_>, known: impl IntoIterator<Item = String>) -> Fault {
    // As they would be typed: without the package where the name has none.
    let has_package = name.service.contains('.');
    let known = known.into_iter().map(|full| match full.rsplit_once('.') {
        Some((_, short)) if !has_package => short.to_owned(),
        _ => full,
    });
    Fault::new(format!("there is no service `{}`", quoted(name.service))).hint(did_you_mean(
        name.service,
        known,
        "the services",
    ))
}
