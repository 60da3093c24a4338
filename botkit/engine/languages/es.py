"""Spanish."""

from __future__ import annotations

__all__ = ["SPANISH"]

from botkit.engine.languages.language import Language

SPANISH = Language(
    code="es",
    hello="Hola, soy **{bot}**.{about}\n\nEscríbeme lo que necesitas, o /help para ver lo que entiendo.",
    help="Soy **{bot}**. Escríbeme sin más, o usa un comando:",
    about_start="Saludar y decir para qué sirve este bot",
    about_help="Mostrar estos comandos",
    about_new="Empezar una conversación nueva",
    about_stop="Detener la respuesta en curso",
    about_status="Mostrar qué está pasando en esta conversación",
    about_whoami="Mostrar quién creo que eres",
    about_link="Unir tus cuentas en varias plataformas",
    link_in_private="Por tu seguridad, solo en privado: escríbeme /link en un chat directo.",
    link_too_often="Fueron demasiados intentos. Prueba de nuevo en {minutes} minutos.",
    link_code=(
        "Tu código es `{code}`. Escribe `/link {code}` en un chat privado conmigo en la otra plataforma, en "
        "{minutes} minutos. **No se lo des a nadie**: une cuentas."
    ),
    link_confirm=(
        "Esta cuenta se unirá con **{name}** en `{channel}`. Si eres tú, confírmalo allí: escribe `/link {code}`. "
        "**No lo hagas por nadie más.**"
    ),
    link_own="Ese código es para la otra plataforma: escríbelo allí.",
    link_same="Estas cuentas ya están unidas.",
    link_conflict="Según el operador, estas cuentas son de dos personas; solo él puede unirlas.",
    link_unknown="No conozco ese código. Quizá ya se usó o es viejo: /link te da uno nuevo.",
    link_done="Unidas: eres la misma persona aquí y en `{channel}`.",
    about_memory="Mostrar lo que recuerdo de ti",
    about_forget="Olvidar algo que recuerdo",
    memory_none="Aquí no recuerdo nada.",
    memory_list="Esto es lo que recuerdo:",
    memory_of_chat="de esta conversación",
    memory_more="… y {count} más.",
    memory_how="`/forget` y un número borra una de estas notas, `/forget all` todas.",
    memory_in_group=(
        "Aquí solo muestro lo que recuerdo de este grupo. Lo que es solo tuyo lo muestro en un chat privado."
    ),
    forget_what="Di qué: `/forget` y un número que muestra /memory, o `/forget all`.",
    forget_unknown="No recuerdo nada que se llame así. Mira /memory.",
    forget_sure="Esto borra {count} notas para siempre. Para confirmarlo, escribe `/forget all yes`.",
    forget_not_for_all=(
        "En un grupo solo un administrador puede hacerme olvidar todo. Las notas sueltas las puede borrar cualquiera."
    ),
    forgotten="Olvidado: {what}. Empieza una conversación nueva para que no vuelva desde esta.",
    forgotten_all="Olvidadas: las {count} notas. Empieza una conversación nueva para que nada vuelva desde esta.",
    new_conversation="Hecho: esta es una conversación nueva.",
    one_approval_waits="Queda 1 aprobación pendiente.",
    approvals_wait="Quedan {count} aprobaciones pendientes.",
    nothing_runs="Ahora mismo no hay nada en marcha.",
    messages_stopped="Ya no te escribiré sin que lo pidas. Envía /start messages para permitirlo de nuevo.",
    messages_allowed="Puedo escribirte de nuevo.",
    bot_and_model="Bot: {bot} · modelo: {model}",
    working="Estoy preparando una respuesta.",
    ready="Listo.",
    waiting_for_approval="Esperando la aprobación de `{what}`.",
    waiting_for_answer="Esperando tu respuesta a `{what}`.",
    waiting_for_colleague="Esperando a que alguien del equipo revise `{what}`.",
    waiting_for_other="Esperando ({kind}): `{what}`.",
    an_answer="una respuesta",
    remembers_one="Recuerdo 1 mensaje de esta conversación.",
    remembers="Recuerdo {count} mensajes de esta conversación.",
    you_are="Eres **{name}** (`{person}`), {roles}.",
    you_are_here="Aquí eres `{account}` en `{channel}`.",
    unknown="desconocido",
    taken_over=(
        "**{what}**: por favor, toma el relevo. {asked_by}\n"
        "Responde aquí a un mensaje; devuelve la conversación al terminar."
    ),
    hand_back="Devolver",
    handed_back="Devuelta{by}.",
    approval_needed="**Se necesita aprobación** para `{tool}`",
    tainted="_Pregunto porque he leído lo que escribieron otros: {sources}. ¿Lo quieres tú, o lo quieren ellos?_",
    asked_by="Lo pide {person}, a través de {bot} en `{channel}`.",
    asked_by_member="Lo pide {member}, miembro de `{workspace}`, a través de un cliente MCP.",
    colleague_decides="Alguien del equipo tiene que decidir. Te escribiré aquí en cuanto lo haga.",
    decide_by_command="Para decidir: `{command}`",
    approve="Aprobar",
    reject="Rechazar",
    approved_now="Aprobado.",
    rejected_now="Rechazado.",
    already_approved="Esto ya se aprobó.",
    already_rejected="Esto ya se rechazó.",
    already_expired="Esto ya caducó.",
    already_cancelled="Esto ya se canceló.",
    only_may_decide="Solo {who} puede decidir esto.",
    button_unused="Este botón ya no se usa.",
    approved="**Aprobado**{by}: `{tool}`",
    rejected="**Rechazado**{by}: `{tool}`",
    by=" por {name}",
    expired="**Caducado**: nadie decidió sobre `{tool}` a tiempo.",
    cancelled="**Cancelado**: no se llamará a `{tool}`.",
    please_answer="Responde, por favor.",
    not_asked_you="Esta pregunta es para otra persona.",
    already_answered="Ya se respondió a esto.",
    fill_in="Rellenar",
    send="Enviar",
    not_now="Ahora no",
    skip="Omitir",
    yes="Sí",
    no="No",
    optional="_Opcional: `-` lo deja vacío._",
    date_form="_Como AAAA-MM-DD, por ejemplo 2027-03-31._",
    answer_by_number="_Responde con el número o el nombre._",
    answer_by_numbers="_Responde con los números o los nombres, separados por comas._",
    does_not_fit="Eso no encaja. {problem}",
    outcome_unknown=(
        "Se cortó la conexión mientras se ejecutaba `{tool}`, así que no sé si llegó a hacerse. "
        "No lo volveré a intentar por mi cuenta: alguien del equipo tiene que comprobarlo y decidir. Te avisaré aquí."
    ),
    model_filtered="El filtro del proveedor del modelo detuvo la respuesta.",
    model_empty="No tengo respuesta para eso. Pregunta de nuevo con otras palabras.",
    model_busy="El modelo está sobrecargado en este momento. Inténtalo de nuevo en un minuto.",
    model_refused=(
        "Ahora no puedo responder: el modelo rechazó la solicitud. El operador puede ver el motivo en el registro."
    ),
    model_unreachable="Ahora no puedo comunicarme con el modelo. Inténtalo de nuevo en un momento.",
    answer_cut="(Mi respuesta alcanzó aquí su longitud máxima. Pídeme que continúe.)",
    not_read="(No he podido mirar: {files}.)",
    limit_reached="Tuve que parar aquí: {why}.{so_far} Escribe de nuevo si quieres que continúe.",
    limit_tokens="esto consumió {used} tokens y el límite por mensaje es {limit}",
    limit_cost="se agotó el límite de dinero por mensaje ({limit} ¢)",
    limit_time="se agotó el límite de tiempo por mensaje ({limit} s)",
    limit_one_round="puedo usar herramientas en 1 ronda por mensaje y ya la usé",
    limit_rounds="puedo usar herramientas en {limit} rondas por mensaje y ya las usé todas",
    limit_repeats="se hizo una y otra vez la misma llamada a {tool}",
    used_so_far=" Hasta ahora usé {tools}.",
    tool_failed="falló",
    still_waiting="Sigo esperando una decisión sobre `{what}` y responderé cuando llegue.",
    connect_account=(
        "`{server}` necesita tu propia cuenta. Conéctala aquí: "
        "el enlace es solo para ti y sirve una vez, durante 15 minutos.\n\n"
        "{link}\n\nDespués, vuelve a preguntar donde lo hiciste."
    ),
    pairing=(
        "Todavía no te conozco. Tu código de vinculación es `{code}`. Dáselo al operador, que te dará acceso con "
        "`{command}`."
    ),
    unreadable="No puedo leer este tipo de mensaje ({kind}). Dímelo con palabras, o envía una imagen o un archivo.",
    cannot_hear="Aquí no puedo escuchar mensajes de voz. Escríbeme, por favor.",
    heard_nothing="No he entendido ninguna palabra en tu mensaje de voz. Grábalo otra vez o escríbeme, por favor.",
    hearing_failed="Ahora mismo no he podido escuchar tu mensaje de voz. Envíalo otra vez o escríbeme, por favor.",
    voice_too_long=(
        "Ese mensaje de voz es demasiado largo para mí: escucho {minutes} minutos como máximo. Acórtalo o "
        "escríbeme, por favor."
    ),
    budget_used_up="Ahora no puedo responder a eso: el presupuesto está agotado{until}.",
    until=" hasta {when}",
    budget_low_own="Has usado el {percent} % de tu presupuesto `{budget}`. Queda{until}: {left}.",
    budget_low="**Presupuesto `{budget}`**{who}: se ha usado el {percent} %. Queda{until}: {left}.",
    budget_left="Presupuesto `{budget}`, queda{until}: {left}.",
    tokens="{count} tokens",
    tool_calls="{count} llamadas a herramientas",
    stopped="Detenido.",
    failed="Lo siento, no he podido responder a esto ({code}). Si lo comunicas, indica este identificador: `{trace}`.",
    went_wrong="Algo ha fallado y ha quedado anotado. Si lo comunicas, indica este identificador: `{trace}`.",
)
