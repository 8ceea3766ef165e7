"""The vendors on loopback: one server that answers like them, limits and faults included, from data the caller gives.

For tests, and for a run without any account. Every fault is a field of the vendor's `faults` and off until it is set.
Where no source says what a vendor does, the choice is made here, in one place. Not here: any client.
"""

from connectors.standin.amplitude import AmplitudeCohort, StandInAmplitude
from connectors.standin.google import StandInGoogle
from connectors.standin.meta import StandInMeta
from connectors.standin.mixpanel import MixpanelCohort, StandInMixpanel
from connectors.standin.netmera import StandInNetmera
from connectors.standin.receiver import StandInReceiver
from connectors.standin.sender import MixpanelSender
from connectors.standin.server import StandIn

__all__ = [
    "AmplitudeCohort",
    "MixpanelCohort",
    "MixpanelSender",
    "StandIn",
    "StandInAmplitude",
    "StandInGoogle",
    "StandInMeta",
    "StandInMixpanel",
    "StandInNetmera",
    "StandInReceiver",
]
